/** Evoke's web API (/api/v1) over fetch; events too, because EventSource cannot send the bearer header. */

/** @import { Key, Message, Outgoing } from "./types" */

/** The longest text the server takes, in Unicode code points. */
export const LIMIT = 4096;
const PATIENCE = 30_000; // ms until an unanswered request is repeated with the same id
const SILENCE = 90_000; // ms without a byte until the event stream is opened again

/** An answer that is not a success (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  /** @param {number} status @param {string} [detail] for the client @param {number} [wait] seconds */
  constructor(status, detail = "", wait = 0) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.wait = wait;
  }

  get gone() {
    return [401, 403, 404].includes(this.status);
  }

  /** Sending the same again would fail again. */
  get final() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

export class Api {
  /** @param {string} base "https://bot.example/api/v1/" */
  constructor(base) {
    this.base = base;
  }

  /** @param {string} language @param {AbortSignal} signal @returns {Promise<Key & {messages: Message[]}>} */
  start(language, signal) {
    const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return this.#json("conversations", { signal, body: { language, time_zone } });
  }

  /**
   * @param {Key} key @param {Outgoing} item @param {AbortSignal} signal
   * @returns {Promise<{message: Message, messages: Message[]}>}
   */
  send(key, { client_message_id, text, payload }, signal) {
    return this.#json(`${path(key)}/messages`, { key, signal, body: { client_message_id, text, payload } });
  }

  /** @param {Key} key @param {number} seq @param {AbortSignal} signal @returns {Promise<{messages: Message[]}>} */
  since(key, seq, signal) {
    return this.#json(`${path(key)}/messages?after=${seq}`, { key, signal });
  }

  /** A link that opens the conversation on Telegram. @param {Key} key @returns {Promise<{telegram: string}>} */
  code(key) {
    return this.#json(`${path(key)}/code`, { key, body: {} });
  }

  /** @returns {Promise<import("./types").Lines>} */
  help() {
    return this.#json("widget", {});
  }

  /**
   * Read the event stream until it ends.
   * @param {Key} key
   * @param {number} last seq seen
   * @param {{open: () => void, message: (message: Message) => void, typing: (on: boolean) => void}} on
   * @param {AbortSignal} signal
   * @throws {Problem} when it cannot be opened or breaks
   */
  async stream(key, last, on, signal) {
    const quiet = new AbortController();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), SILENCE);
    };
    alive();
    try {
      const answer = await this.#fetch(`${path(key)}/events`, {
        headers: { ...bearer(key), Accept: "text/event-stream", "Last-Event-ID": String(last) },
        signal: either(signal, quiet.signal),
      });
      on.open();
      for await (const event of readEvents(/** @type {any} */ (answer.body), alive)) {
        const data = parsed(event.data);
        if (event.name === "typing") on.typing(Boolean(data?.on));
        else if (event.name === "message" && data) on.message(data);
      }
    } catch (error) {
      throw error instanceof Problem ? error : new Problem(0);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * A card's file. The token goes to this server only, whatever address the card carries.
   * @param {Key} key @param {string} download @returns {Promise<{blob: Blob, name: string}>}
   */
  async file(key, download) {
    const url = new URL(download.replace(/^\/api\/v1\//, ""), this.base);
    if (!url.href.startsWith(this.base)) throw new Problem(400);
    const answer = await this.#fetch(url.href.slice(this.base.length), { headers: bearer(key) });
    return { blob: await answer.blob(), name: decodeURIComponent(url.pathname.split("/").pop() || "evoke") };
  }

  /** @param {string} where @param {{key?: Key, body?: object, signal?: AbortSignal}} options */
  async #json(where, { key, body, signal }) {
    try {
      const answer = await this.#fetch(where, {
        method: body ? "POST" : "GET",
        headers: { ...(key && bearer(key)), ...(body && { "Content-Type": "application/json" }) },
        body: body && JSON.stringify(body),
        signal: either(signal, AbortSignal.timeout(PATIENCE)),
      });
      return await answer.json();
    } catch (error) {
      throw error instanceof Problem ? error : new Problem(0);
    }
  }

  async #fetch(where, init) {
    const answer = await fetch(this.base + where, { ...init, cache: "no-store", credentials: "omit" });
    if (answer.ok) return answer;
    const detail = parsed(await answer.text().catch(() => ""))?.detail;
    const wait = Number(answer.headers.get("Retry-After")) || 0;
    throw new Problem(answer.status, typeof detail === "string" ? detail : "", wait);
  }
}

/**
 * Server-sent events as the HTML standard parses them (9.2.6).
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} [alive] called for every piece
 * @returns {AsyncGenerator<{name: string, data: string}>}
 */
export async function* readEvents(body, alive = () => {}) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let name = "";
  let data = /** @type {string[]} */ ([]);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      rest += decoder.decode(value, { stream: true });
      // A CR at the very end may be half of a CRLF: it waits for the next piece.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { name: name || "message", data: data.join("\n") };
          name = "";
          data = [];
          continue;
        }
        const [, field, text] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line) ?? [];
        if (field === "event") name = text;
        else if (field === "data") data.push(text);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const path = (key) => `conversations/${encodeURIComponent(key.conversation_id)}`;
const bearer = (key) => ({ Authorization: `Bearer ${key.token}` });

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** AbortSignal.any, for Safari before 17.4. */
function either(...signals) {
  const both = new AbortController();
  for (const signal of signals) {
    if (signal?.aborted) both.abort();
    signal?.addEventListener("abort", () => both.abort(), { once: true, signal: both.signal });
  }
  return both.signal;
}
