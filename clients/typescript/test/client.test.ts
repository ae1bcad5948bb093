import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { LiveClient, webSocketUrl, type Message, type Options, type SocketLike } from "../src/index.js";

/** The far end of a connection, as a test moves it. */
class FakeSocket implements SocketLike {
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  readonly sent: string[] = [];
  closed = false;

  constructor(readonly url: string, readonly protocols: string[]) {}

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  admits(seconds = 3600): void {
    this.onopen?.({});
    // The server's clock is hours behind ours: what counts is for how long it says that the token is good.
    const expires = new Date(Date.now() + seconds * 1000 - 7_200_000).toISOString();
    this.says({ op: "authenticated", user_id: "u", role: "STUDENT", expires_at: expires, expires_in: seconds });
  }

  says(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  ends(code: number): void {
    this.onclose?.({ code });
  }
}

let sockets: FakeSocket[] = [];
let heard: Message[] = [];
let tokens = 0;

beforeEach(() => {
  sockets = [];
  heard = [];
  tokens = 0;
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

afterEach(() => mock.timers.reset());

function client(options: Partial<Options> = {}): LiveClient {
  return new LiveClient({
    server: "https://luna.example.org",
    token: () => Promise.resolve(`t${++tokens}`),
    channels: ["me"],
    onMessage: (message) => heard.push(message),
    makeSocket: (url, protocols) => {
      const socket = new FakeSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
    ...options,
  });
}

/** Let what waits for promises go on. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

const latest = (): FakeSocket => sockets.at(-1)!;

test("the token travels in the subprotocols, never in the address", async () => {
  client();
  await settled();
  assert.equal(latest().url, "wss://luna.example.org/api/v1/notifications/ws");
  assert.deepEqual(latest().protocols, ["luna.v1", "bearer.t1"]);
});

test("it comes back where it was, with a fresh token", async () => {
  client();
  await settled();
  latest().admits();
  latest().says({ op: "subscribed", channel: "me", cursor: "r:7", snapshot: {} });
  latest().ends(1006);
  mock.timers.tick(1000);
  await settled();
  assert.equal(sockets.length, 2);
  assert.deepEqual(latest().protocols, ["luna.v1", "bearer.t2"]);
  latest().admits();
  assert.deepEqual(latest().sent, ['{"op":"subscribe","channels":["me"],"cursors":{"me":"r:7"}}']);
});

test("pauses grow while nothing is there", async () => {
  client();
  await settled();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    const before = sockets.length;
    latest().ends(1006);
    let waited = 0;
    while (sockets.length === before) {
      mock.timers.tick(50);
      waited += 50;
      await settled();
    }
    waits.push(waited);
  }
  assert.ok(waits[0]! <= 300);
  assert.ok(waits.at(-1)! >= 7_000 && waits.at(-1)! <= 15_100);
});

test("a server that takes it and loses it at once is not hammered", async () => {
  client();
  for (let second = 0; second < 60; second++) {
    await settled();
    if (!latest().closed) {
      latest().admits();
      latest().ends(1011);
    }
    mock.timers.tick(1000);
  }
  assert.ok(sockets.length <= 15, `${sockets.length} connections in a minute`);
});

test("a token that cannot travel is asked for anew", async () => {
  let made = 0;
  client({
    makeSocket: (url, protocols) => {
      if (++made === 1) throw new SyntaxError("no token of HTTP");
      const socket = new FakeSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
  });
  await settled();
  mock.timers.tick(1000);
  await settled();
  assert.deepEqual(latest().protocols, ["luna.v1", "bearer.t2"]);
});

test("a fresh token is sent a minute before the old one ends", async () => {
  client();
  await settled();
  latest().admits(600);
  for (let second = 0; second < 539; second += 20) {
    mock.timers.tick(20_000);
    latest().says({ op: "ping" });
  }
  await settled();
  assert.ok(latest().sent.includes('{"op":"auth","token":"t2"}'));
  assert.equal(sockets.length, 1);
});

test("a server that is silent for forty-five seconds is left", async () => {
  client();
  await settled();
  latest().admits();
  mock.timers.tick(45_001);
  assert.ok(latest().closed);
  mock.timers.tick(1000);
  await settled();
  assert.equal(sockets.length, 2);
});

test("after three refused tokens it stops and says so", async () => {
  const refused = mock.fn();
  client({ onNotAdmitted: refused });
  for (let attempt = 0; attempt < 3; attempt++) {
    await settled();
    latest().onopen?.({});
    latest().ends(4401);
    mock.timers.tick(20_000);
  }
  await settled();
  assert.equal(refused.mock.callCount(), 1);
  assert.equal(sockets.length, 3);
});

test("closed is closed", async () => {
  const live = client();
  await settled();
  latest().admits();
  live.close();
  mock.timers.tick(60_000);
  await settled();
  assert.equal(sockets.length, 1);
  assert.ok(latest().closed);
});

test("addresses", () => {
  assert.equal(webSocketUrl("http://127.0.0.1:8000/"), "ws://127.0.0.1:8000/api/v1/notifications/ws");
  assert.equal(webSocketUrl("wss://h/x/ws"), "wss://h/x/ws");
  assert.throws(() => webSocketUrl("ftp://h"), TypeError);
  assert.throws(() => webSocketUrl("https://h?token=x"), TypeError);
});
