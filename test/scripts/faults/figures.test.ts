import * as assert from "node:assert/strict";
import { figuresOf, inWords, nearlyAllWithin } from "#scripts/faults/figures.ts";
import { suite } from "#test/suite.ts";

const test = suite("figures of measured times");
/** In no order. */
const hundred = Array.from({ length: 100 }, (_, at) => (((at * 37) % 100) + 1) * 100);

test("takes ranks by the nearest one", () => {
  const figures = figuresOf(hundred);
  assert.deepEqual(figures, { count: 100, p50Ms: 5000, p99Ms: 9900, maxMs: 10_000 });
  assert.equal(inWords(figures), "100 times: p50 5.0 s, p99 9.9 s, max 10.0 s");
  assert.deepEqual(figuresOf([7]), { count: 1, p50Ms: 7, p99Ms: 7, maxMs: 7 });
  assert.deepEqual(figuresOf([]), { count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});

test("of a hundred one may be late, of fewer none", () => {
  assert.equal(nearlyAllWithin(hundred, 10_000), true);
  assert.equal(nearlyAllWithin(hundred, 9900), true);
  assert.equal(nearlyAllWithin(hundred, 9800), false);
  assert.equal(nearlyAllWithin(hundred.slice(1), 9900), false);
  assert.equal(nearlyAllWithin([30_001], 30_000), false);
  assert.equal(nearlyAllWithin([30_000], 30_000), true);
});
