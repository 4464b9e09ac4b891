import * as assert from "node:assert/strict";
import { inTurns } from "#hub/cli/api/turns.ts";
import { suite } from "#test/suite.ts";

const test = suite("many things in turns");
const items = Array.from({ length: 40 }, (_, at) => at);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("results have the order of the items, and eight are under way at most", async () => {
  let now = 0;
  let most = 0;
  const results = await inTurns(items, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await turn();
    now -= 1;
    return item * 2;
  });
  assert.deepEqual(
    results,
    items.map((item) => item * 2),
  );
  assert.equal(most, 8);
});

test("after the first error nothing more is begun", async () => {
  let begun = 0;
  const failing = inTurns(items, async (item) => {
    begun += 1;
    await turn();
    if (item === 3) throw new Error("no");
  });
  await assert.rejects(failing, /^Error: no$/);
  await turn();
  await turn();
  assert.ok(begun <= 16, String(begun));
});
