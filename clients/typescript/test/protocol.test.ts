import assert from "node:assert/strict";
import { test } from "node:test";
import { Protocol } from "../src/index.js";

const event = (channel: string, cursor: string, version: number): string =>
  JSON.stringify({
    op: "event", channel, cursor, eventId: `e${version}`, eventType: "delivery.loan.opened",
    timestamp: "2026-01-01T00:00:00Z", source: "delivery-service", payload: { version },
  });

const subscribed = (channel: string, cursor: string, snapshot?: object): string =>
  JSON.stringify({ op: "subscribed", channel, cursor, ...(snapshot ? { snapshot } : {}) });

test("a snapshot, then events, each once and in order", () => {
  const protocol = new Protocol(["me"]);
  assert.deepEqual(protocol.connected(), ['{"op":"subscribe","channels":["me"]}']);
  assert.deepEqual(protocol.receive(subscribed("me", "r:4", { loans: [] })).tell, {
    kind: "snapshot", channel: "me", state: { loans: [] }, resynced: false,
  });
  assert.equal(protocol.receive(event("me", "r:5", 1)).tell?.kind, "event");
  assert.deepEqual(protocol.receive(event("me", "r:5", 1)), {});
  assert.deepEqual(protocol.cursors, { me: "r:5" });
});

test("a new connection resumes where the last one was", () => {
  const protocol = new Protocol(["me", "queue"]);
  protocol.receive(subscribed("me", "r:4", {}));
  protocol.receive(event("me", "r:5", 1));
  assert.deepEqual(protocol.connected(), ['{"op":"subscribe","channels":["me","queue"],"cursors":{"me":"r:5"}}']);
  assert.deepEqual(protocol.receive(subscribed("me", "r:5")), {});
});

test("a resync is told with its snapshot, and numbers of another run count anew", () => {
  const protocol = new Protocol(["me"]);
  protocol.receive(subscribed("me", "r:400", {}));
  protocol.receive('{"op":"resync","channel":"me"}');
  const turn = protocol.receive(subscribed("me", "s:2", { loans: [] }));
  assert.ok(turn.tell?.kind === "snapshot" && turn.tell.resynced);
  assert.equal(protocol.receive(event("me", "s:3", 1)).tell?.kind, "event");
});

test("what a lost Redis had told is not told again by the next", () => {
  const protocol = new Protocol(["me"]);
  protocol.receive(subscribed("me", "r:4", {}));
  assert.equal(protocol.receive(event("me", "r:5", 1)).tell?.kind, "event");
  protocol.receive('{"op":"resync","channel":"me"}');
  protocol.receive(subscribed("me", "s:1", {}));
  assert.deepEqual(protocol.receive(event("me", "s:2", 1)), {});
  assert.equal(protocol.receive(event("me", "s:3", 2)).tell?.kind, "event");
  assert.deepEqual(protocol.cursors, { me: "s:3" });
});

test("what is refused is not asked for again", () => {
  const protocol = new Protocol(["queue", "me"]);
  const turn = protocol.receive('{"op":"error","code":"FORBIDDEN","message":"no","channel":"queue"}');
  assert.deepEqual(turn.tell, { kind: "refused", channel: "queue", code: "FORBIDDEN", message: "no" });
  assert.deepEqual(protocol.channels, ["me"]);
});

test("channels come and go", () => {
  const protocol = new Protocol(["me"]);
  assert.deepEqual(protocol.subscribe(["me", "queue"]), ['{"op":"subscribe","channels":["queue"]}']);
  assert.deepEqual(protocol.unsubscribe(["queue", "robots"]), ['{"op":"unsubscribe","channels":["queue"]}']);
  assert.deepEqual(protocol.receive(event("queue", "r:1", 1)), {});
});

test("nothing comes before the snapshot: it was meant for a subscription that was given up", () => {
  const protocol = new Protocol(["queue"]);
  protocol.receive(subscribed("queue", "r:4", {}));
  protocol.unsubscribe(["queue"]);
  protocol.subscribe(["queue"]);
  assert.deepEqual(protocol.receive(event("queue", "r:5", 1)), {});
  assert.equal(protocol.receive(subscribed("queue", "r:5", {})).tell?.kind, "snapshot");
  assert.equal(protocol.receive(event("queue", "r:6", 1)).tell?.kind, "event");
});

test("names in capitals are the server's names in small", () => {
  const protocol = new Protocol(["delivery:0A-B"]);
  assert.deepEqual(protocol.subscribe(["delivery:0a-B"]), []);
  assert.equal(protocol.receive(subscribed("delivery:0a-b", "r:1", {})).tell?.kind, "snapshot");
});

test("pings are answered, later servers' operations passed over, nonsense thrown", () => {
  const protocol = new Protocol();
  assert.deepEqual(protocol.receive('{"op":"ping"}'), { answer: '{"op":"pong"}' });
  assert.deepEqual(protocol.receive('{"op":"dance"}'), {});
  assert.throws(() => protocol.receive("nonsense"), SyntaxError);
});
