/** <evoke-chat>: Evoke on a page. Attributes, methods, properties and parts: docs/embed.md. */
import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { h, touch } from "./dom.js";
import { Help, quickExit } from "./help.js";
import { Store } from "./store.js";
import { sheet } from "./style.css.js";
import { View } from "./view.js";
import { builtIn, loadWords } from "./words.js";

const EXIT = "https://www.wikipedia.org/";
const SMALL = "(max-width: 30em), (max-height: 30em)"; // there the panel fills the screen, and is modal
const WORDS_WAIT = 1500; // ms until the built-in words
const WORDS_AGAIN = 5000; // ms between tries

export class EvokeChat extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet()];
  }

  /** @type {AbortController|undefined} */
  #life;
  /** @type {any} */ #store; // a Store
  /** @type {any} */ #talk; // a Conversation
  /** @type {any} */ #lines; // the last answer of GET /widget
  /** @type {any} */ #ui; // what #build made
  #unread = 0;
  #shown = false;

  connectedCallback() {
    const life = (this.#life = new AbortController());
    const server = this.getAttribute("server")?.replace(/\/?$/, "/") ?? new URL("..", import.meta.url);
    const api = new Api(new URL("api/v1/", new URL(server, document.baseURI)).href);
    const language = this.#language();
    this.#store = new Store(api.base);
    this.#lines = this.#store.help;
    this.#talk = new Conversation(api, this.#store, language.split("-")[0]);
    const talk = this.#talk;
    talk.addEventListener("change", () => this.#soon());
    talk.addEventListener("wiped", () => this.#wiped());
    matchMedia(SMALL).addEventListener("change", () => this.#refit(), { signal: life.signal });
    this.#words(language, life.signal);
    api.help().then((lines) => {
      if (life.signal.aborted) return;
      this.#lines = this.#store.help = lines;
      this.#help();
    }, () => {}); // what is known stays
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#talk.end();
    this.#ui = undefined;
    this.#shown = false;
  }

  open() {
    if (!this.#ui || this.#page || this.#ui.panel.open) return;
    this.#appear();
    this.#store.opened = true;
    if (touch()) this.#ui.title.focus();
    else this.#ui.composer.focus();
  }

  close() {
    if (!this.#ui || this.#page || !this.#ui.panel.open) return;
    this.#ui.panel.close();
    this.#store.opened = false;
    this.#ui.launcher.hidden = false;
    this.#ui.opener.focus();
  }

  get #page() {
    return this.getAttribute("mode") === "page";
  }

  #language() {
    const language = this.closest("[lang]")?.getAttribute("lang") || navigator.language || "en";
    // The page says which language; how its dates and times are written is up to the reader's browser.
    return navigator.languages.find((mine) => mine.split("-")[0] === language) ?? language;
  }

  /** Built-in words if the file is slow in coming, the file's as soon as they are there. */
  async #words(language, signal) {
    const timer = setTimeout(() => signal.aborted || this.#build(builtIn(), language), WORDS_WAIT);
    for (;;) {
      const loaded = await loadWords(language);
      clearTimeout(timer);
      if (signal.aborted) return;
      if (loaded.complete || !this.#ui) this.#build(loaded, language);
      if (loaded.complete) return;
      await new Promise((done) => setTimeout(done, WORDS_AGAIN));
    }
  }

  #build({ words, language: spoken }, language) {
    const talk = this.#talk;
    const help = new Help(words);
    const composer = new Composer(words, {
      send: (text) => talk.say(text),
      draft: (text) => (this.#store.draft = text),
    });
    const view = new View(words, language, {
      pick: (text, payload) => {
        talk.say(text, payload);
        // What was pressed is gone now; on a touch screen the keyboard stays down.
        if (touch()) view.element.focus();
        else composer.focus();
      },
      again: (id) => talk.again(id),
      edit: (id) => {
        composer.text = [talk.take(id), composer.text].filter(Boolean).join("\n");
        composer.focus();
      },
      file: (download) => talk.api.file(this.#store.conversation, download),
      help: () => this.#lines,
    });
    const title = h("h2", { id: "title", tabindex: -1 }, words("title"));
    const clinic = h("p", { class: "clinic" });
    const exit = h("button", { class: "quiet", part: "quick-exit", title: words("exitHint"),
      onclick: () => this.#exit() }, words("exit"));
    const close = !this.#page && h("button", { class: "quiet", part: "close", onclick: () => this.close() },
      words("close"));
    const status = h("p", { class: "status", role: "status" });
    const link = h("p", { class: "status", role: "status" });
    const move = h("button", { class: "quiet move", part: "button", "aria-label": words("move"),
      onclick: () => this.#move() }, h("span", { class: "wide" }, words("move")), h("span", {}, "Telegram"));
    help.bar.append(move);
    const fresh = h("button", { class: "choice fresh", part: "button", hidden: true,
      onclick: () => talk.restart() }, words("fresh"));
    const panel = h(this.#page ? "section" : "dialog", { class: "panel", part: "panel", "aria-labelledby": "title",
      onkeydown: (event) => this.#escape(event),
      oncancel: (event) => event.preventDefault() },
      h("header", { part: "header" }, h("div", { class: "name" }, title, clinic), help.bar, exit, close),
      help.panel, view.element, view.newer, status, link, fresh, composer.element);
    const opener = h("button", { class: "opener", part: "launcher", "aria-haspopup": "dialog",
      onclick: () => this.open() }, words("open"), h("span", { class: "badge", "aria-hidden": true, hidden: true }),
      h("span", { class: "hush" }));
    const launcher = h("div", { class: "launcher" }, h("button", { class: "opener soft", part: "launcher-help",
      "aria-haspopup": "dialog", onclick: () => { this.open(); help.toggle(true); } }, words("help")), opener);
    this.#ui = { words, help, composer, view, title, clinic, status, link, move, fresh, panel, launcher, opener };
    const root = h("div", { class: "root", lang: spoken, dir: words("dir") || null }, panel, !this.#page && launcher);
    this.shadowRoot?.replaceChildren(root);
    composer.text = this.#store.draft;
    this.#shown = false;
    this.#help();
    if (this.#page) talk.open();
    else if (this.#store.opened) this.#appear();
    else if (this.#store.conversation) talk.open(); // for the count of new messages on the button
    this.#soon();
  }

  /** On a small screen it fills the screen, so what is behind must be out of reach (modal). */
  #appear() {
    const { panel, launcher, view } = this.#ui;
    const focused = /** @type {any} */ (this.shadowRoot?.activeElement);
    launcher.hidden = true;
    if (matchMedia(SMALL).matches) panel.showModal();
    else panel.show();
    this.#talk.open();
    if (focused) focused.focus();
    else if (this.#store.opened) /** @type {any} */ (this.shadowRoot?.activeElement)?.blur(); // a reload: focus is the page's
    this.#unread = 0;
    view.toEnd();
    this.#soon();
  }

  /** The window was resized or zoomed while the panel was open. */
  #refit() {
    if (!this.#ui || this.#page || !this.#ui.panel.open) return;
    this.#ui.panel.close();
    this.#appear();
  }

  #escape(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    if (this.#ui.help.open) this.#ui.help.toggle(false);
    else if (this.#page) return;
    else this.close();
    event.preventDefault();
    event.stopPropagation();
  }

  #exit() {
    this.#talk.end();
    quickExit(this.#store, this.getAttribute("exit-url") ?? EXIT);
  }

  /** Offers a link that opens the conversation on Telegram. */
  async #move() {
    const { words, link } = this.#ui;
    if (link.ariaBusy) return; // a second code would end the first
    link.ariaBusy = true;
    try {
      const { telegram } = await this.#talk.api.code(this.#store.conversation);
      const go = h("a", { class: "choice", part: "button", href: telegram, target: "_blank", rel: "noopener noreferrer" }, words("moveOpen"));
      link.replaceChildren(words("moveLink"), " ", go);
      go.focus();
    } catch (problem) {
      link.textContent = problem.detail || words("moveFailed");
    }
    link.ariaBusy = null;
  }

  /** Another tab was left by the quick exit: nothing stays on the screen here either. */
  #wiped() {
    if (!this.#ui) return;
    this.#ui.composer.text = "";
    this.#store.opened = false;
    if (!this.#page) this.close();
    this.#soon();
  }

  #help() {
    if (!this.#ui) return;
    this.#ui.help.show(this.#lines);
    this.#soon();
  }

  #queued = false;

  /** Bring the screen up to date, once for all changes that come together. */
  #soon() {
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.#ui) this.#update();
    });
  }

  #update() {
    const { words, view, status, link, move, fresh, panel, opener, clinic } = this.#ui;
    const talk = this.#talk;
    const begun = talk.messages.some((message) => message.from === "client");
    this.toggleAttribute("begun", begun);
    move.hidden = !begun || !this.#lines?.telegram;
    if (talk.fresh) link.textContent = "";
    const added = view.render(talk.messages, { typing: talk.typing, news: this.#shown,
      waiting: talk.state !== "live" || talk.hold > 0 });
    if (!talk.fresh) this.#shown = true;
    const text = talk.hold ? words("slowDown", { n: talk.hold })
      : talk.state === "live" || talk.state === "idle" ? "" : words(talk.state);
    const name = talk.messages.findLast((message) => "with" in message)?.with; // a person who has taken over
    clinic.textContent = name ? words("with", { name }) : this.#lines?.clinic ?? "";
    if (status.textContent !== text) status.textContent = text;
    fresh.hidden = talk.state !== "gone";
    const open = this.#page || panel.open;
    this.#unread = open ? 0 : this.#unread + added;
    const [badge, told] = opener.querySelectorAll("span");
    badge.hidden = !this.#unread;
    badge.textContent = this.#unread;
    told.textContent = this.#unread ? `, ${words("unread", { n: this.#unread })}` : "";
  }
}

if (!customElements.get("evoke-chat")) customElements.define("evoke-chat", EvokeChat);
