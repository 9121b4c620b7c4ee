/** What the browser keeps, per origin and server; never the conversation. In memory where storage is blocked. */

/** @import { Key, Lines, Outgoing } from "./types" */

export class Store {
  /** @param {string} base the server's address; two servers on one origin do not mix */
  constructor(base) {
    this.prefix = `evoke:${base}:`;
    this.memory = new Map();
  }

  /** @returns {Key|null} */
  get conversation() {
    return this.#read("conversation");
  }

  set conversation(key) {
    this.#write("conversation", key);
  }

  /** @returns {Outgoing[]} oldest first */
  get outbox() {
    return this.#read("outbox") ?? [];
  }

  /** @param {Outgoing} item */
  add(item) {
    this.#write("outbox", [...this.outbox, item]);
  }

  /** @param {string} id has arrived or is given up */
  drop(id) {
    const outbox = this.outbox;
    const rest = outbox.filter((item) => item.client_message_id !== id);
    if (rest.length < outbox.length) this.#write("outbox", rest.length ? rest : null);
  }

  /** @param {string} id @param {string|undefined} failed why it was refused; undefined: send again */
  mark(id, failed) {
    this.#write("outbox", this.outbox.map((item) => (item.client_message_id === id ? { ...item, failed } : item)));
  }

  /** @returns {Lines|null} the last answer of GET /widget */
  get help() {
    return this.#read("help");
  }

  set help(answer) {
    this.#write("help", answer);
  }

  /** Keeps the crisis lines. */
  forget() {
    this.#write("conversation", null);
    this.#write("outbox", null);
    this.draft = "";
  }

  wipe() {
    this.forget();
    this.help = null;
    this.opened = false;
    this.memory.clear();
  }

  /** What is being written, per tab. */
  get draft() {
    return this.#read("draft", "sessionStorage") ?? "";
  }

  set draft(text) {
    this.#write("draft", text || null, "sessionStorage");
  }

  /** Whether this tab had the panel open before a reload. */
  get opened() {
    return this.#read("opened", "sessionStorage") ?? false;
  }

  set opened(open) {
    this.#write("opened", open || null, "sessionStorage");
  }

  /**
   * @param {(name: string) => void} changed another tab changed this, or cleared everything
   * @param {AbortSignal} signal
   */
  watch(changed, signal) {
    const listen = (event) => {
      if (event.key === null) changed("conversation");
      else if (event.key.startsWith(this.prefix)) changed(event.key.slice(this.prefix.length));
    };
    addEventListener("storage", listen, { signal });
  }

  #read(name, area = "localStorage") {
    try {
      return JSON.parse(window[area].getItem(this.prefix + name) ?? this.memory.get(name) ?? "null");
    } catch {
      return JSON.parse(this.memory.get(name) ?? "null");
    }
  }

  #write(name, value, area = "localStorage") {
    try {
      if (value === null) window[area].removeItem(this.prefix + name);
      else window[area].setItem(this.prefix + name, JSON.stringify(value));
      this.memory.delete(name);
    } catch {
      this.memory.set(name, JSON.stringify(value));
    }
  }
}

/**
 * Run `work` in one tab at a time. Without https there are no locks, and it runs at once: every request but the first
 * can safely be made twice.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export const oneTab = (name, work) => (navigator.locks ? /** @type {any} */ (navigator.locks.request(name, work)) : work());
