/** The shapes the modules share. For editors and type checkers only: no browser loads this file. */

/** A message, as the web API sends it. */
export interface Message {
  id: number;
  seq: number;
  from: "bot" | "client" | "clinician";
  kind: "text" | "safety" | "holding" | "notice" | "clinician";
  text: string;
  /** ISO 8601, UTC */
  created_at: string;
  /** only from a client */
  client_message_id?: string;
  /** pressing one sends its title as text, with its payload */
  buttons?: { title: string; payload?: string }[];
  /** 0 to 10; the answer is sent as text */
  ruler?: { name: string; low: string; high: string };
  /** picking one sends its label as text, with the payload "slot:<id>" */
  slots?: { id: string; starts_at: string; ends_at: string; with?: string; label: string }[];
  card?: Card;
  /** in a notice: from now on the client writes with this person; null: with the bot again */
  with?: string | null;
}

export interface Card {
  type: string;
  title: string;
  lines: { label: string; text: string }[];
  /** path on the server; fetched with the bearer token */
  download?: string;
}

/** What opens a conversation. */
export interface Key {
  conversation_id: string;
  token: string;
}

/** A message that has not arrived yet; `failed` says why the server refused it. */
export interface Outgoing {
  client_message_id: string;
  text: string;
  payload?: string;
  created_at: string;
  failed?: string;
}

/** A message on the screen: one from the server, or one that is still to be sent. */
export type Shown = Message & { pending?: boolean; failed?: string };

/**
 * idle: not opened · starting · live: the event stream is open · unreachable: the server is away ·
 * offline: the network is · gone: the server does not know the conversation any more
 */
export type State = "idle" | "starting" | "live" | "unreachable" | "offline" | "gone";

/** The answer of GET /widget: where help is. */
export interface Lines {
  clinic?: string;
  emergency?: string;
  crisis?: Line[];
  /** whether the clinic has a bot there */
  telegram?: boolean;
}

export interface Line {
  name: string;
  call?: string;
  text?: string;
  note?: string;
}

/** A text of the widget's own, by key, with {names} filled in; a number called n also picks the plural. */
export type Words = (key: string, values?: Record<string, string | number>) => string;

export type Pick = (text: string, payload?: string) => void;

export type GetFile = (download: string) => Promise<{ blob: Blob; name: string }>;

/** What a message lets the client do. */
export interface Deeds {
  pick: Pick;
  /** send a refused message once more */
  again: (id: string) => void;
  /** take a refused message back into the text area */
  edit: (id: string) => void;
  file: GetFile;
  help: () => Lines | null;
}
