/**
 * One conversation: starts or resumes it, keeps its messages in order, sends what is waiting and follows the event
 * stream through lost connections, restarts and other tabs. Events: "change", and "wiped" (another tab forgot all).
 */
import { oneTab } from "./store.js";

/** @import { Key, Message, Outgoing, Shown, State } from "./types" */

const LINGER = 20_000; // ms a hidden tab keeps its stream: browsers allow few
const CHECKS = [2_500, 8_000, 20_000]; // ms after a send: ask, in case a proxy holds the stream back
const POLL = 15_000; // ms between fetches once it was found to
const FOREVER = 2 ** 31 - 1; // ms
const TYPING = 45_000; // ms until a typing sign goes by itself

export class Conversation extends EventTarget {
  /** @param {import("./api.js").Api} api @param {import("./store.js").Store} store @param {string} language */
  constructor(api, store, language) {
    super();
    this.api = api;
    this.store = store;
    this.language = language;
    const { signal } = this.#life;
    addEventListener("online", () => this.#wake(), { signal });
    addEventListener("offline", () => this.#cut.abort(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    store.watch((name) => this.#elsewhere(name), signal);
    // Back from the browser's memory: another page of this tab may have left by the quick exit meanwhile.
    addEventListener("pageshow", (event) => event.persisted && this.#elsewhere("conversation"), { signal });
  }

  /** @type {State} */
  state = "idle";
  typing = false;
  hold = 0; // seconds until a message held back by the rate limit goes out
  fresh = true; // until what was said before is here; what comes later is news

  #life = new AbortController(); // the widget's
  #turn = new AbortController(); // this conversation's
  #cut = new AbortController(); // this connection's
  /** @type {Map<string, Message>} */
  #messages = new Map();
  #cursor = 0; // the last seq the stream or a fetch has reached
  #running = false;
  #streaming = false;
  #sending = false;
  #timers = { hide: 0, typing: 0, poll: 0 };

  /** Start or resume. */
  open() {
    if (this.#running) return;
    this.#running = true;
    this.#follow(this.#turn.signal).catch(() => {});
  }

  /** Leave the conversation that is gone, begin another; what waits goes there. */
  restart() {
    this.store.conversation = null;
    this.#reset();
    this.open();
  }

  end() {
    this.#turn.abort();
    this.#life.abort();
    this.#cut.abort();
  }

  /** In order: what the server has, then what is still to be sent. @returns {Shown[]} */
  get messages() {
    const known = [...this.#messages.values()].sort((a, b) => a.seq - b.seq);
    const arrived = new Set(known.map((message) => message.client_message_id));
    const waiting = this.store.outbox.filter((item) => !arrived.has(item.client_message_id));
    return [...known, ...waiting.map((item) => shown(item))];
  }

  /** @param {string} text @param {string} [payload] */
  say(text, payload) {
    if (this.state === "gone") this.restart();
    else this.open();
    this.store.add({ client_message_id: newId(), text, payload, created_at: new Date().toISOString() });
    this.#changed();
    this.#send();
  }

  /** @param {string} id of a refused message */
  again(id) {
    this.store.mark(id, undefined);
    this.#changed();
    this.#send();
  }

  /** Take a refused message back. @param {string} id @returns {string} its text */
  take(id) {
    const text = this.store.outbox.find((item) => item.client_message_id === id)?.text ?? "";
    this.store.drop(id);
    this.#changed();
    return text;
  }

  #reset() {
    this.#turn.abort();
    this.#cut.abort();
    this.#turn = new AbortController();
    this.#messages = new Map();
    this.#cursor = 0;
    this.#running = false;
    this.fresh = true;
    this.typing = false;
    this.hold = 0;
    this.#is("idle");
  }

  async #follow(turn) {
    this.#is("starting");
    for (let tries = 0; !turn.aborted; tries++) {
      this.#cut = new AbortController();
      let wait = 0;
      try {
        const key = await this.#ensure(turn);
        if (this.fresh) this.#merge((await this.api.since(key, 0, turn)).messages, true);
        this.fresh = false;
        this.#changed();
        this.#send();
        const cut = this.#cut;
        turn.addEventListener("abort", () => cut.abort(), { signal: cut.signal });
        await this.api.stream(key, this.#cursor, {
          open: () => {
            tries = -1;
            this.#streaming = true;
            this.#is("live");
            this.#wake();
          },
          message: (got) => {
            if (this.#merge([got], true)) this.#poll(0); // the stream is first with news: no proxy holds it back
          },
          typing: (on) => this.#types(on),
        }, cut.signal);
      } catch (problem) {
        if (turn.aborted) return;
        if (problem.gone && this.store.conversation) return this.#lost();
        wait = problem.wait * 1000;
      }
      if (turn.aborted) return;
      this.#streaming = false;
      this.#types(false);
      // One break is normal (a restart, a proxy's time-out) and not worth a word.
      if (!navigator.onLine) this.#is("offline");
      else if (tries > 0) this.#is("unreachable");
      await this.#pause(Math.max(wait, backOff(tries + 1)), turn);
      if (document.hidden) await this.#pause(FOREVER, turn); // until somebody looks again
    }
  }

  /** The key of this browser's one conversation: one tab starts it. */
  #ensure(turn) {
    return oneTab(`${this.store.prefix}start`, async () => {
      const known = this.store.conversation;
      if (known) return known;
      const { conversation_id, token } = await this.api.start(this.language, turn);
      const key = { conversation_id, token };
      if (!turn.aborted) this.store.conversation = key;
      await this.#pause(300, turn); // so that tabs see it
      return key;
    });
  }

  /** Send what waits, one after the other. */
  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    const turn = this.#turn.signal;
    for (let tries = 0; !turn.aborted; ) {
      const key = this.store.conversation;
      if (!key || this.state === "gone" || !this.#next()) break;
      try {
        await oneTab(`${this.store.prefix}send`, () => this.#sendOne(key, turn));
        tries = 0;
      } catch (problem) {
        if (turn.aborted) break;
        if (problem.gone) {
          this.#lost();
          break;
        }
        if (!navigator.onLine) this.#is("offline");
        else if (problem.status !== 429 && tries > 0) this.#is("unreachable");
        this.hold = problem.status === 429 ? Math.max(1, problem.wait) : 0;
        this.#changed();
        await this.#pause(this.hold ? this.hold * 1000 : backOff(tries++), turn, !this.hold);
        this.hold = 0;
      }
    }
    this.#sending = false;
    this.#changed();
    if (turn !== this.#turn.signal && this.#running) this.#send();
  }

  async #sendOne(key, turn) {
    const item = this.#next(); // again: another tab may have sent it
    if (!item) return;
    try {
      const got = await this.api.send(key, item, turn);
      this.#merge([got.message, ...(got.messages ?? [])]);
      if (!got.messages?.length) for (const wait of CHECKS) setTimeout(() => this.#check(key, got.message.seq, turn), wait);
      if (this.state === "unreachable" && this.#streaming) this.#is("live");
      else if (this.state !== "live") this.#wake();
    } catch (problem) {
      if (turn.aborted || problem.gone || !problem.final) throw problem;
      this.store.mark(item.client_message_id, problem.detail || " ");
      this.#changed();
    }
  }

  #next() {
    return this.store.outbox.find((item) => !item.failed);
  }

  /**
   * Ask for what came after `seq` unless it is here; when that brings news, go on asking.
   * @param {Key} key @param {number} seq @param {AbortSignal} turn
   */
  async #check(key, seq, turn) {
    if (turn.aborted) return this.#poll(0);
    const messages = [...this.#messages.values()];
    const answered = messages.some((message) => message.seq > seq && message.from !== "client" && message.kind !== "holding");
    if (answered || document.hidden) return;
    const got = await this.api.since(key, this.#cursor, turn).catch(() => null);
    if (got && this.#merge(got.messages, true)) this.#poll(setInterval(() => this.#check(key, Infinity, turn), POLL));
  }

  #poll(timer) {
    clearInterval(this.#timers.poll);
    this.#timers.poll = timer;
  }

  /** @param {Message[]} messages @param {boolean} [complete] nothing before them is missing @returns {boolean} any new? */
  #merge(messages, complete = false) {
    const before = this.#messages.size;
    for (const message of messages) {
      if (message.client_message_id) this.store.drop(message.client_message_id);
      this.#messages.set(message.client_message_id ?? `#${message.id}`, message);
      if (complete) this.#cursor = Math.max(this.#cursor, message.seq);
      if (message.from !== "client") this.#types(false);
    }
    if (messages.length) this.#changed();
    return this.#messages.size > before;
  }

  #lost() {
    this.#turn.abort();
    this.#cut.abort();
    this.#is("gone");
  }

  #elsewhere(name) {
    if (name === "outbox") this.#changed();
    if (name !== "conversation") return;
    const wiped = !this.store.conversation;
    const running = this.#running;
    this.#reset();
    if (wiped) this.dispatchEvent(new Event("wiped"));
    else if (running) this.open();
  }

  #visibility() {
    clearTimeout(this.#timers.hide);
    if (document.hidden) this.#timers.hide = setTimeout(() => this.#cut.abort(), LINGER);
    else this.#wake();
  }

  #types(on) {
    clearTimeout(this.#timers.typing);
    if (on) this.#timers.typing = setTimeout(() => this.#types(false), TYPING);
    if (on === this.typing) return;
    this.typing = on;
    this.#changed();
  }

  #is(state) {
    if (state === this.state) return;
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #wake() {
    this.dispatchEvent(new Event("wake"));
  }

  /**
   * Wait, at most until the network is back or the tab is looked at.
   * @param {number} ms @param {AbortSignal} turn @param {boolean} [wakeable]
   * @returns {Promise<void>}
   */
  #pause(ms, turn, wakeable = true) {
    return new Promise((done) => {
      const over = new AbortController();
      const end = () => {
        over.abort();
        clearTimeout(timer);
        done();
      };
      const timer = setTimeout(end, ms);
      if (wakeable) this.addEventListener("wake", end, { signal: over.signal });
      turn.addEventListener("abort", end, { signal: over.signal });
    });
  }
}

/** @param {Outgoing} item @returns {Shown} */
const shown = ({ client_message_id, text, created_at, failed }) => ({
  id: 0, seq: Infinity, from: "client", kind: "text", text, created_at, client_message_id, failed, pending: true,
});

/** Half a second, doubling to 15 s, spread. @param {number} tries */
const backOff = (tries) => Math.min(15_000, 500 * 2 ** Math.max(0, tries)) * (0.75 + Math.random() / 2);

/** crypto.randomUUID needs https. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
