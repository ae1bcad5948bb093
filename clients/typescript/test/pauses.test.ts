import assert from "node:assert/strict";
import { test } from "node:test";
import { Pauses, renewalAfter } from "../src/pauses.js";

test("they grow while connections are of no use or do not last", () => {
  const pauses = new Pauses();
  const waits = [0, 0, 9_000, 1_000, 0, 0, 0, 0].map((lasted) => pauses.after(lasted, undefined, 1));
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

test("after one that lasted the next is short again", () => {
  const pauses = new Pauses();
  for (let loss = 0; loss < 5; loss++) pauses.after(0, undefined, 0);
  assert.equal(pauses.after(60_000, 1006, 0), 125);
});

test("who is sent away with all others comes back spread over two seconds", () => {
  assert.deepEqual([0, 0.5, 1].map((chance) => new Pauses().after(60_000, 1012, chance)), [125, 1_125, 2_125]);
});

test("a token is renewed a minute before its end, at half a short life, never at once", () => {
  assert.deepEqual([3_600_000, 60_000, 0, -1].map(renewalAfter), [3_540_000, 30_000, 1_000, 1_000]);
});
