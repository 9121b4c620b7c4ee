/**
 * A link with a one-time code (#c_…) or an invitation (#i_…). Nothing is used up before the button is pressed, so that
 * a preview of the link costs nothing; and what stands behind the # goes to no server but in the one request.
 */

import { Store } from "/widget/store.js";

const base = new URL("/api/v1/", location.href).href;
const store = new Store(base);
const given = location.hash.slice(1);
const kind = /^c_\w{8}$/.test(given) ? "code" : /^i_[\w-]{22}$/.test(given) ? "invitation" : "none";
const status = document.querySelector("[data-status]");

/** @param {string} name of the one section that shows */
const show = (name) => {
  for (const section of document.querySelectorAll("[data-when]")) section.hidden = section.dataset.when !== name;
  document.querySelector(`[data-when="${name}"] button`)?.focus();
};

const open = async (button) => {
  button.disabled = true;
  status.textContent = "One moment …";
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const answer = await fetch(`${base}conversations`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ language: navigator.language || "en", time_zone, [kind]: given }),
    });
    const body = await answer.json();
    if (answer.status === 404) {
      status.textContent = "";
      show("used");
      return;
    }
    if (!answer.ok) throw new Error(body.detail);
    store.forget();
    store.conversation = { conversation_id: body.conversation_id, token: body.token };
    location.replace("/");
  } catch (error) {
    button.disabled = false;
    status.textContent = error instanceof TypeError || !error.message ? "That did not work. Are you online?" : error.message;
  }
};

show(kind);
for (const note of document.querySelectorAll("[data-when-kept]")) note.hidden = !store.conversation;
for (const button of document.querySelectorAll("[data-open]")) button.addEventListener("click", () => open(button));

fetch(`${base}widget`)
  .then((answer) => answer.json())
  .then(({ clinic, crisis, emergency }) => {
    document.querySelector("[data-clinic]").textContent = clinic ? ` by ${clinic}` : "";
    const line = crisis?.find((one) => one.call);
    const words = [`If anyone is in danger, call ${emergency} now.`];
    if (line) words.push(`To talk to someone: ${line.name}, ${line.call}.`);
    document.querySelector("[data-help]").textContent = words.join(" ");
  })
  .catch(() => {});
