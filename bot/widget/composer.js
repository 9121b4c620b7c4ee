/** Where the client writes. A text that is too long is said to be, never cut. */
import { LIMIT } from "./api.js";
import { h, touch } from "./dom.js";

const NEAR = 400; // characters left from which the counter shows
const TALLEST = 160; // px, the text area grows up to this

export class Composer {
  /**
   * @param {import("./types").Words} words
   * @param {{send: (text: string) => void, draft: (text: string) => void}} on
   */
  constructor(words, on) {
    this.words = words;
    this.on = on;
    this.area = h("textarea", { id: "write", rows: 1, part: "input", placeholder: words("placeholder"),
      "aria-describedby": "count", autocomplete: "off", dir: "auto", oninput: () => this.#changed(),
      onkeydown: (event) => this.#key(event) });
    this.button = h("button", { type: "submit", class: "send", part: "send" }, words("send"));
    this.count = h("p", { id: "count", class: "count" });
    this.alert = h("p", { class: "hush", role: "alert" });
    this.element = h("form", { class: "composer", part: "composer",
      onsubmit: (event) => this.#submit(event) },
      h("label", { for: "write", class: "hush" }, words("write")), this.area, this.button, this.count, this.alert);
  }

  get text() {
    return this.area.value;
  }

  set text(text) {
    this.area.value = text;
    this.#changed();
  }

  focus() {
    this.area.focus();
  }

  #submit(event) {
    event.preventDefault();
    if (this.#over > 0) {
      this.alert.textContent = "";
      this.#changed();
      this.area.focus();
      return;
    }
    const text = this.text.trim();
    if (!text) return this.area.focus();
    this.text = "";
    if (!touch()) this.area.focus();
    this.on.send(text);
  }

  /** Enter sends; with Shift, while composing (Japanese and others), and on a touch keyboard it does not. */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch()) return;
    event.preventDefault();
    this.element.requestSubmit();
  }

  /** Counted as the server counts: code points, so that an emoji is one or two and not four. */
  get #over() {
    const text = this.text.trim();
    return text.length > LIMIT ? [...text].length - LIMIT : text.length - LIMIT;
  }

  #changed() {
    const over = this.#over;
    const long = over > 0;
    this.count.textContent = long ? this.words("tooLong", { n: over }) : over > -NEAR ? this.words("left", { n: -over }) : "";
    this.element.classList.toggle("over", long);
    if (long) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
    // Said once when it happens, not at every key.
    if (!long) this.alert.textContent = "";
    else if (!this.alert.textContent) this.alert.textContent = this.count.textContent;
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(TALLEST, this.area.scrollHeight + 2)}px`;
    this.on.draft(this.text);
  }
}
