/**
 * "Get help now" and the quick exit, without the server too: the clinic's last known lines (GET /widget), or words
 * without numbers.
 */
import { h } from "./dom.js";

/** @import { Lines, Words } from "./types" */

export class Help {
  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.button = h("button", { class: "help", part: "help", "aria-expanded": "false",
      "aria-controls": "help", onclick: () => this.toggle() }, words("help"));
    this.first = h("span", { class: "first" });
    this.bar = h("div", { class: "bar", part: "help-bar" }, this.button, this.first);
    this.panel = h("section", { id: "help", class: "lines", part: "help-panel", tabindex: -1, hidden: true,
      "aria-label": words("help") });
    this.show(null);
  }

  get open() {
    return !this.panel.hidden;
  }

  /** @param {boolean} [open] */
  toggle(open = !this.open) {
    if (open === this.open) return;
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    (open ? this.panel : this.button).focus();
  }

  /** @param {Lines|null} lines */
  show(lines) {
    const { words } = this;
    const first = lines?.crisis?.find((line) => line.call);
    this.first.replaceChildren(...(first?.call ? [call(first.call, words)] : []));
    this.panel.replaceChildren(
      h("p", { class: "danger" }, lines?.emergency ? words("helpDanger", { emergency: lines.emergency }) : words("helpDangerNoNumber")),
      ...(lines?.emergency ? [call(lines.emergency, words)] : []),
      h("ul", {}, ...(lines?.crisis ?? []).map((line) => h("li", {}, h("strong", {}, line.name),
        note(line.note), h("span", { class: "buttons" }, ...ways(line, words))))),
      h("p", {}, words("helpElse")),
      h("p", { class: "note" }, words("helpWhat")),
      h("button", { class: "choice", part: "button", onclick: () => this.toggle(false) }, words("helpClose")));
  }
}

/** Under a safety message. @param {Lines|null} lines @param {Words} words */
export function contacts(lines, words) {
  const all = (lines?.crisis ?? []).slice(0, 2).flatMap((line) => ways(line, words));
  if (lines?.emergency) all.unshift(call(lines.emergency, words));
  return all.length ? h("div", { class: "buttons" }, ...all) : null;
}

const ways = (line, words) => [
  ...(line.call ? [call(line.call, words)] : []),
  ...(line.text ? [text(line.text, words)] : []),
];

/** Words, or the address of the line's own page. */
const note = (text) => (/^https:\/\//.test(text ?? "")
  ? h("a", { href: text, target: "_blank", rel: "noopener noreferrer" }, text.replace(/^https:\/\/(www\.)?|\/$/g, ""))
  : text && h("span", {}, text));

const call = (number, words) =>
  h("a", { class: "choice phone", part: "phone", href: `tel:${digits(number)}` }, words("call", { number }));

/** "988", or a word and a number: "HOME to 741741". */
function text(number, words) {
  const [, word, to] = number.match(/^(\S+)\s.*?([\d+][\d\s]*)$/) ?? [, "", number];
  const body = word && !/^[\d+]/.test(word) ? `?&body=${encodeURIComponent(word)}` : "";
  return h("a", { class: "choice phone", part: "phone", href: `sms:${digits(body ? to ?? "" : number)}${body}` },
    words("text", { number }));
}

const digits = (number) => number.replace(/[^\d+*#]/g, "");

/**
 * Forget everything, blank the page, put another one in its place in the tab's history.
 * @param {import("./store.js").Store} store @param {string} url
 */
export function quickExit(store, url) {
  store.wipe();
  document.documentElement.hidden = true;
  document.title = "";
  location.replace(url);
}
