/** The client's side of the protocol, without sockets and clocks: text comes in, messages and answers go out. */
import type { ClientFrame, ErrorCode, Event, ServerFrame, State, Subscribed } from "./frames.js";

export const SUBPROTOCOL = "luna.v1";
const MOST_A_MESSAGE = 100;
/** Told events that a channel knows by their ids: more than are published at once. */
const MOST_REMEMBERED = 1000;

/** What a program is told. */
export type Message =
  /** The whole state of a channel: forget what you knew of it. `resynced`: something was missed for good. */
  | { kind: "snapshot"; channel: string; state: Record<string, unknown>; resynced: boolean }
  /** Something happened; `payload` is the full new state of it, and a lower `payload.version` is older news. */
  | ({ kind: "event" } & Omit<Event, "op">)
  /** Where robots are now; the newest alone counts. */
  | { kind: "positions"; channel: string; payload: Record<string, unknown> }
  /** The server will not tell this channel (undefined: did not understand a message). */
  | { kind: "refused"; channel?: string; code: ErrorCode; message: string };

/** What follows from one message of the server. `expiresIn`: a token was accepted, and is good for so many seconds. */
export interface Turn {
  tell?: Message;
  answer?: string;
  expiresIn?: number;
}

/**
 * Which channels are wanted, and where each stands. It outlives connections.
 *
 * The server answers in lower case: `delivery:5A…` and `delivery:5a…` are one channel.
 */
export class Protocol {
  readonly #channels: Set<string>;
  readonly #cursors = new Map<string, string>();
  readonly #resyncing = new Set<string>();
  /** The ids of the latest events of each channel: what Redis lost as it told of it is published again. */
  readonly #told = new Map<string, Set<string>>();

  constructor(channels: Iterable<string> = []) {
    this.#channels = names(channels);
  }

  get channels(): string[] {
    return [...this.#channels];
  }

  get cursors(): Record<string, string> {
    return Object.fromEntries(this.#cursors);
  }

  /** What to say on a new connection: every channel, each from where it stands. */
  connected(): string[] {
    this.#resyncing.clear();
    return this.#subscribing(this.channels);
  }

  /** Want these too; what to say on a connection that is open. */
  subscribe(channels: Iterable<string>): string[] {
    const fresh = [...names(channels)].filter((channel) => !this.#channels.has(channel));
    for (const channel of fresh) this.#channels.add(channel);
    return this.#subscribing(fresh);
  }

  unsubscribe(channels: Iterable<string>): string[] {
    const gone = [...names(channels)].filter((channel) => this.#channels.has(channel));
    for (const channel of gone) this.#forget(channel);
    return parts(gone).map((some) => say({ op: "unsubscribe", channels: some }));
  }

  /** Throws SyntaxError for what is no message of the protocol. Operations of later servers are passed over. */
  receive(text: string): Turn {
    const frame = JSON.parse(text) as ServerFrame | null;
    if (typeof frame !== "object" || frame === null) throw new SyntaxError("a message is a JSON object");
    switch (frame.op) {
      case "event":
        return this.#event(frame);
      case "state":
        return this.#state(frame);
      case "subscribed":
        return this.#subscribed(frame);
      case "resync":
        this.#resyncing.add(frame.channel);
        return {};
      case "error": {
        const { channel, code, message } = frame;
        if (channel == null) return { tell: { kind: "refused", code, message } };
        this.#forget(channel);
        return { tell: { kind: "refused", channel, code, message } };
      }
      case "ping":
        return { answer: say({ op: "pong" }) };
      case "authenticated":
        return { expiresIn: frame.expires_in };
      default:
        return {};
    }
  }

  #event({ op: _, ...event }: Event): Turn {
    const { channel, cursor } = event;
    const known = this.#cursors.get(channel);
    // What comes before the snapshot was meant for a subscription that was given up.
    if (known === undefined || isOld(cursor, known)) return {};
    this.#cursors.set(channel, cursor);
    return this.#isNews(channel, event.eventId) ? { tell: { kind: "event", ...event } } : {};
  }

  #isNews(channel: string, id: string): boolean {
    const told = this.#told.get(channel) ?? new Set<string>();
    if (told.has(id)) return false;
    this.#told.set(channel, told.add(id));
    if (told.size > MOST_REMEMBERED) told.delete(told.values().next().value!);
    return true;
  }

  #state({ channel, payload }: State): Turn {
    return this.#cursors.has(channel) ? { tell: { kind: "positions", channel, payload } } : {};
  }

  #subscribed({ channel, cursor, snapshot }: Subscribed): Turn {
    if (!this.#channels.has(channel)) return {};
    this.#cursors.set(channel, cursor);
    const resynced = this.#resyncing.delete(channel);
    return snapshot == null ? {} : { tell: { kind: "snapshot", channel, state: snapshot, resynced } };
  }

  #forget(channel: string): void {
    this.#channels.delete(channel);
    this.#cursors.delete(channel);
    this.#told.delete(channel);
    this.#resyncing.delete(channel);
  }

  #subscribing(channels: string[]): string[] {
    return parts(channels).map((some) => {
      const known = some.flatMap((channel) => {
        const cursor = this.#cursors.get(channel);
        return cursor === undefined ? [] : [[channel, cursor] as const];
      });
      const cursors = known.length > 0 ? { cursors: Object.fromEntries(known) } : {};
      return say({ op: "subscribe", channels: some, ...cursors });
    });
  }
}

export function say(frame: ClientFrame): string {
  return JSON.stringify(frame);
}

function names(channels: Iterable<string>): Set<string> {
  return new Set([...channels].map((channel) => channel.toLowerCase()));
}

function parts(channels: string[]): string[][] {
  const found: string[][] = [];
  for (let start = 0; start < channels.length; start += MOST_A_MESSAGE) {
    found.push(channels.slice(start, start + MOST_A_MESSAGE));
  }
  return found;
}

/** Whether a cursor of the same run is not beyond the one that is known. */
function isOld(cursor: string, known: string): boolean {
  const [run, number] = split(cursor);
  const [knownRun, knownNumber] = split(known);
  return run === knownRun && number <= knownNumber;
}

function split(cursor: string): [string, number] {
  const at = cursor.lastIndexOf(":");
  return [cursor.slice(0, at), Number(cursor.slice(at + 1))];
}
