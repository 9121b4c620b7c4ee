/** What a message carries besides its text: buttons, a ruler, times to pick; cards to keep. */
import { h } from "./dom.js";

/** @import { Card, GetFile, Message, Pick, Words } from "./types" */

/**
 * Lets the client pick once; writing an answer works as well.
 * @param {Message} message @param {Words} words @param {string} language @param {Pick} pick
 */
export function choices(message, words, language, pick) {
  let picked = false;
  /** @type {Pick} */
  const once = (text, payload) => {
    if (picked) return;
    picked = true;
    pick(text, payload);
  };
  const parts = [
    message.ruler && ruler(message, words, once),
    message.slots?.length && slots(message.slots, words, language, once),
    message.buttons?.length && buttons(message.buttons, words, once),
  ].filter(Boolean);
  return parts.length ? h("div", { class: "choices" }, ...parts) : null;
}

const buttons = (offered, words, pick) =>
  h("div", { class: "buttons", role: "group", "aria-label": words("pick") }, ...offered.map(({ title, payload }) =>
    h("button", { class: "choice", part: "button", onclick: () => pick(title, payload) }, title)));

/** @param {any} message @param {Words} words @param {Pick} pick */
function ruler({ id, ruler: { low, high } }, words, pick) {
  const name = `ruler-${id}`;
  const send = h("button", { type: "submit", class: "choice solid", part: "button", disabled: true }, words("rulerSendNone"));
  const ends = [`0, ${low}`, ...Array(9), `10, ${high}`];
  const chosen = () => form.querySelector("input:checked")?.value;
  const steps = ends.map((label, n) =>
    h("label", { class: "step", part: "ruler-step" },
      h("input", { type: "radio", name, value: n, "aria-label": label ?? n }),
      h("span", {}, String(n))));
  const form = h("form", {
    class: "ruler", part: "ruler",
    onchange: () => {
      send.disabled = false;
      send.textContent = words("rulerSend", { n: Number(chosen()) });
    },
    onsubmit: (event) => {
      event.preventDefault();
      const value = chosen();
      if (value) pick(value);
    },
  },
    h("fieldset", {}, h("legend", {}, words("ruler"), h("span", { class: "hush" }, ` ${words("rulerEnds", { low, high })}`)),
      h("div", { class: "steps" }, ...steps),
      h("p", { class: "ends", "aria-hidden": true }, h("span", { dir: "auto" }, `0: ${low}`), h("span", { dir: "auto" }, `10: ${high}`))),
    h("div", { class: "after" }, h("span", { class: "note" }, words("rulerPick")), send));
  return form;
}

function slots(offered, words, language, pick) {
  const days = new Map();
  for (const slot of offered) {
    const day = new Date(slot.starts_at).toLocaleDateString(language, { weekday: "long", day: "numeric", month: "long" });
    days.set(day, [...(days.get(day) ?? []), slot]);
  }
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  return h("div", { class: "slots", role: "group", "aria-label": words("slots") },
    ...[...days].map(([day, times]) => h("div", { class: "slotday" },
      h("p", { class: "note" }, day),
      h("div", { class: "buttons" }, ...times.map((slot) => {
        const time = clock.format(new Date(slot.starts_at));
        return h("button", { class: "choice", part: "button slot",
          onclick: () => pick(slot.label, `slot:${slot.id}`) },
          h("span", { class: "hush" }, `${day}, `),
          slot.with ? words("slotWith", { time, name: slot.with }) : time);
      })))),
    h("p", { class: "note" }, words("slotsZone", { zone: zone(language, offered[0].starts_at) })));
}

/** As people say it, "Central European Standard Time". */
function zone(language, at) {
  const parts = new Intl.DateTimeFormat(language, { timeZoneName: "long" }).formatToParts(new Date(at));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/**
 * A plan, a summary, an appointment or the numbers for help, with its file.
 * @param {Card} content @param {Words} words @param {GetFile} file
 * @param {HTMLElement|null|false} ways buttons in place of the lines
 */
export function card({ title, lines, download }, words, file, ways) {
  const note = h("span", { class: "note", role: "status" });
  const get = h("button", { class: "choice", part: "button download" }, words("download"));
  let busy = false;
  get.onclick = async () => {
    if (busy) return;
    busy = true;
    note.textContent = words("downloading");
    try {
      save(await file(download ?? ""));
      note.textContent = "";
    } catch {
      note.textContent = words("downloadFailed");
    }
    busy = false;
  };
  return h("div", { role: "group", class: "card", part: "card", "aria-label": title },
    h("h3", { dir: "auto" }, title),
    ways || lines.length > 0 && h("dl", {}, ...lines.map(({ label, text }) =>
      h("div", {}, h("dt", { dir: "auto" }, label), h("dd", { dir: "auto" }, text)))),
    download && h("div", { class: "after" }, get, note));
}

/** The file needs the bearer header, which a plain link cannot send. */
function save({ blob, name }) {
  const href = URL.createObjectURL(blob);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
