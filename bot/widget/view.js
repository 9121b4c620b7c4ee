/** The messages on the screen, brought up to date in place, so that the log announces exactly what is new. */
import { card, choices } from "./attachments.js";
import { contacts } from "./help.js";
import { h } from "./dom.js";

/** @import { Deeds, Shown, Words } from "./types" */

export class View {
  /** @param {Words} words @param {string} language @param {Deeds} deeds */
  constructor(words, language, deeds) {
    this.words = words;
    this.language = language;
    this.deeds = deeds;
    this.log = h("div", { role: "log", class: "log", part: "log", "aria-label": words("log") });
    this.typing = h("p", { class: "typing", hidden: true }, h("span", { class: "dots", "aria-hidden": true },
      h("i"), h("i"), h("i")), words("typing"));
    this.newer = h("button", { class: "newer", part: "button", hidden: true,
      onclick: () => this.toEnd() }, words("newer"));
    // Scrolls, so a keyboard has to be able to stand in it.
    this.element = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": words("log"),
      onscroll: () => this.#scrolled() }, this.log, this.typing);
  }

  /** @type {Map<string, any>} */
  #shown = new Map();
  #atEnd = true;

  /**
   * @param {Shown[]} messages
   * @param {{typing: boolean, news: boolean, waiting: boolean}} now news: not what was said before, which is not
   *   announced; waiting: no connection to send over
   * @returns {number} new messages from the other side
   */
  render(messages, { typing, news, waiting }) {
    this.log.setAttribute("aria-live", news ? "polite" : "off");
    const keys = new Set(messages.map(keyOf));
    for (const [key, element] of this.#shown) {
      if (!keys.has(key)) {
        element.remove();
        this.#shown.delete(key);
      }
    }
    const answered = messages.findLastIndex((message) => message.from === "client" && !message.failed);
    let place = this.log.firstElementChild;
    let added = 0;
    let last = null;
    messages.forEach((message, index) => {
      let element = this.#shown.get(keyOf(message));
      if (!element) {
        element = this.#make(message);
        this.#shown.set(keyOf(message), element);
        last = { element, message };
        if (message.from !== "client") added++;
      }
      if (element === place) place = place.nextElementSibling;
      else this.log.insertBefore(element, place);
      this.#date(element, message, messages[index - 1]);
      this.#delivery(element, message, waiting);
      if (index < answered) element.querySelector(".choices")?.remove();
    });
    this.typing.hidden = !typing;
    if (last && answered < 0) this.#fromTop();
    else if (last) this.#follow(last, news);
    else if (this.#atEnd) this.toEnd();
    return news ? added : 0;
  }

  /** Show the latest. */
  toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.newer.hidden = true;
  }

  /** Until the client has said something, the welcome is read from its beginning. */
  #fromTop() {
    this.element.scrollTop = 0;
    this.#atEnd = this.newer.hidden = this.element.scrollHeight < this.element.clientHeight + 60;
  }

  #make(message) {
    const { words } = this;
    const safety = message.kind === "safety";
    const who = words(safety ? "safety" : message.from);
    const visible = safety || message.from === "clinician";
    const ways = safety && contacts(this.deeds.help(), words);
    return h("article", { class: `message ${message.from} ${message.kind}`, part: `message message-${message.from}` },
      h("p", { class: visible ? "who" : "hush" }, `${who}${visible ? "" : ":"}`),
      message.text && h("p", { class: "bubble", part: `bubble bubble-${message.from}`, dir: "auto" }, message.text),
      message.card ? card(message.card, words, this.deeds.file, ways) : ways,
      choices(message, words, this.language, this.deeds.pick),
      message.from === "client" && h("p", { class: "delivery" }));
  }

  /** A line with the date where a new day begins. */
  #date(element, message, before) {
    const day = dayOf(message, this.language);
    const line = day !== dayOf(before ?? { created_at: new Date() }, this.language);
    const there = element.querySelector(".day");
    if (line && !there) element.prepend(h("p", { class: "day" }, day));
    else if (!line) there?.remove();
  }

  #delivery(element, message, waiting) {
    const place = element.querySelector(".delivery");
    const state = message.failed ?? (!message.pending ? "sent" : waiting ? "waiting" : "sending");
    if (!(place instanceof HTMLElement) || place.dataset.state === state) return;
    const { words, deeds } = this;
    const id = message.client_message_id ?? "";
    place.dataset.state = state;
    element.classList.toggle("failed", Boolean(message.failed));
    if (!message.failed) {
      place.textContent = words(state);
      return;
    }
    const why = message.failed.trim();
    place.replaceChildren(why ? words("refused", { why }) : words("failed"), " ",
      h("button", { class: "link", onclick: () => deeds.again(id) }, words("again")), " ",
      h("button", { class: "link", onclick: () => deeds.edit(id) }, words("edit")));
  }

  #follow({ element, message }, news) {
    if (!news || message.from === "client" || this.#atEnd) {
      this.toEnd();
      // A message taller than the window is read from its beginning.
      const above = this.element.getBoundingClientRect().top + 8 - element.getBoundingClientRect().top;
      if (news && message.from !== "client" && above > 0) this.element.scrollTop -= above;
      // Where the panel is too low to scroll inside, the page does; it only moves for someone who is writing.
      const root = this.element.getRootNode();
      if (this.element.scrollHeight <= this.element.clientHeight && root.activeElement) {
        element.scrollIntoView({ block: "nearest" });
      }
    } else this.newer.hidden = false;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.#atEnd = scrollHeight - clientHeight - scrollTop < 60;
    if (this.#atEnd) this.newer.hidden = true;
  }
}

/** @param {Shown} message */
const keyOf = (message) => message.client_message_id ?? `#${message.id}`;

/** @param {{created_at: string|Date}} message @param {string} language */
const dayOf = (message, language) =>
  new Date(message.created_at).toLocaleDateString(language, { weekday: "long", day: "numeric", month: "long" });
