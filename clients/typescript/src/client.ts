/** The connection: opened, kept alive, opened again. */
import { Pauses, renewalAfter } from "./pauses.js";
import { Protocol, SUBPROTOCOL, say, type Message, type Turn } from "./protocol.js";

const PATH = "/api/v1/notifications/ws";
const SILENCE_MS = 45_000;
const OPEN_MS = 10_000;
const UNAUTHENTICATED = 4401;
const REFUSED_FOR_GOOD = 3;
/** The longest that a timer of browsers can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The server takes none of our tokens. */
export class NotAdmitted extends Error {
  override readonly name = "NotAdmitted";
}

/** What of a WebSocket is used: the browser's own, Node's from 22 on, or any other of the same shape. */
export interface SocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface Options {
  /** `https://luna.example.org`, or the address of the WebSocket itself. */
  server: string;
  /** A valid access token, each time it is called; a rejection means "later". */
  token: () => Promise<string>;
  channels?: Iterable<string>;
  /** Called with each message, in order. */
  onMessage: (message: Message) => void;
  /** Called when the connection comes and goes. */
  onConnection?: (connected: boolean) => void;
  /** Called once, when the server takes no token any more; the client has stopped then. */
  onNotAdmitted?: (error: NotAdmitted) => void;
  /** Where the platform has no WebSocket of its own. */
  makeSocket?: (url: string, protocols: string[]) => SocketLike;
}

/** Follows channels until it is closed: resumes where it was, renews its token, comes back with growing pauses. */
export class LiveClient {
  readonly #options: Options;
  readonly #url: string;
  readonly #protocol: Protocol;
  #socket: SocketLike | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #pauses = new Pauses();
  #refusals = 0;
  /** Since when this connection is of use, if it is. */
  #admittedAt: number | undefined;
  #closed = false;

  /** Throws TypeError for an address that is none. */
  constructor(options: Options) {
    this.#options = options;
    this.#url = webSocketUrl(options.server);
    this.#protocol = new Protocol(options.channels);
    void this.#connect();
  }

  /** Where each channel stands. */
  get cursors(): Record<string, string> {
    return this.#protocol.cursors;
  }

  subscribe(...channels: string[]): void {
    this.#say(this.#protocol.subscribe(channels));
  }

  unsubscribe(...channels: string[]): void {
    this.#say(this.#protocol.unsubscribe(channels));
  }

  /** For good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  async #connect(): Promise<void> {
    let token: string;
    try {
      token = await this.#options.token();
    } catch {
      this.#again(0, undefined);
      return;
    }
    if (this.#closed) return;
    const protocols = [SUBPROTOCOL, `bearer.${token}`];
    let socket: SocketLike;
    try {
      socket = (this.#options.makeSocket ?? platformSocket)(this.#url, protocols);
    } catch {
      // A token that is none cannot travel in the handshake; the next one may.
      this.#again(0, undefined);
      return;
    }
    this.#socket = socket;
    this.#admittedAt = undefined;
    this.#listenFor(socket, OPEN_MS);
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#listenFor(socket, SILENCE_MS);
      this.#say(this.#protocol.connected());
    };
    socket.onmessage = (event: { data: unknown }) => this.#hear(socket, event.data);
    socket.onerror = () => undefined;
    socket.onclose = (event: { code?: number }) => this.#lost(socket, event.code);
  }

  #hear(socket: SocketLike, data: unknown): void {
    if (socket !== this.#socket) return;
    this.#listenFor(socket, SILENCE_MS);
    let turn: Turn;
    try {
      turn = this.#protocol.receive(String(data));
    } catch {
      this.#lost(socket, undefined);
      return;
    }
    if (turn.answer !== undefined) this.#say([turn.answer]);
    if (turn.expiresIn !== undefined) this.#accepted(turn.expiresIn);
    if (turn.tell !== undefined) this.#options.onMessage(turn.tell);
  }

  #accepted(expiresIn: number): void {
    const isFirst = this.#admittedAt === undefined;
    this.#admittedAt ??= Date.now();
    this.#refusals = 0;
    if (isFirst) this.#options.onConnection?.(true);
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.#renew(), Math.min(renewalAfter(1000 * expiresIn), LONGEST_TIMER_MS));
  }

  async #renew(): Promise<void> {
    const socket = this.#socket;
    try {
      const token = await this.#options.token();
      if (socket === this.#socket) this.#say([say({ op: "auth", token })]);
    } catch {
      // Without a fresh one the server ends the connection in time.
    }
  }

  #say(texts: string[]): void {
    try {
      for (const text of texts) this.#socket?.send(text);
    } catch {
      // Not open yet, or no more: `connected` says it then.
    }
  }

  #listenFor(socket: SocketLike, ms: number): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(socket, undefined), ms);
  }

  #lost(socket: SocketLike, code: number | undefined): void {
    if (socket !== this.#socket) return;
    const admittedAt = this.#admittedAt;
    this.#drop();
    if (code === UNAUTHENTICATED && admittedAt === undefined) this.#refusals += 1;
    if (admittedAt !== undefined) this.#options.onConnection?.(false);
    if (this.#refusals >= REFUSED_FOR_GOOD) {
      this.#closed = true;
      this.#options.onNotAdmitted?.(new NotAdmitted("the server takes none of our tokens"));
      return;
    }
    this.#again(admittedAt === undefined ? 0 : Date.now() - admittedAt, code);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#renewal);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#admittedAt = undefined;
    try {
      socket?.close();
    } catch {
      // It is closed.
    }
  }

  #again(lasted: number, code: number | undefined): void {
    if (this.#closed) return;
    const wait = this.#pauses.after(lasted, code, Math.random());
    this.#retry = setTimeout(() => void this.#connect(), wait);
  }
}

/** `https://host` → `wss://host/api/v1/notifications/ws`. Throws TypeError for an address of another kind. */
export function webSocketUrl(server: string): string {
  const url = new URL(server);
  const schemes: Record<string, string> = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" };
  const scheme = schemes[url.protocol];
  if (scheme === undefined || url.search !== "" || url.hash !== "") {
    throw new TypeError(`an address looks like https://luna.example.org, not ${server}`);
  }
  const path = url.pathname.endsWith("/ws") ? url.pathname : url.pathname.replace(/\/$/, "") + PATH;
  return `${scheme}//${url.host}${path}`;
}

function platformSocket(url: string, protocols: string[]): SocketLike {
  return new WebSocket(url, protocols);
}
