import * as assert from "node:assert/strict";
import { partitions, planPartitions } from "#scripts/faults/kinds/partition.ts";
import { createRandom } from "#scripts/faults/random.ts";
import { suite } from "#test/suite.ts";

const test = suite("partitions of the fault harness");
const plan = (seed: number, how: { rounds: number; sample: boolean }) =>
  planPartitions(createRandom(seed), how);

test("a full run breaks networks in every way, for seconds and up to a minute", () => {
  const all = plan(1, { rounds: 100, sample: false });
  assert.equal(all.length, 100);
  assert.equal(new Set(all.map(({ how }) => how)).size, 6);
  const lasts = all.map(({ lastsMs }) => lastsMs);
  assert.ok(Math.min(...lasts) < 4000 && Math.max(...lasts) > 50_000);
  assert.ok(lasts.filter((ms) => ms > 20_000).length >= 15, "few are long enough for isolation");
  const totalMs = lasts.reduce((sum, ms) => sum + ms, 0);
  assert.ok(totalMs / 10 < 300_000, `ten devices side by side would wait for ${totalMs / 10} ms`);
});

test("in a sample nobody waits long, and isolation comes up all the same", () => {
  const lasts = plan(1, { rounds: 100, sample: true }).map(({ lastsMs }) => lastsMs);
  assert.ok(Math.max(...lasts) <= 22_000);
  assert.ok(lasts.some((ms) => ms >= 20_000));
});

test("the same seed makes the same partitions, another one others", () => {
  const how = { rounds: 10, sample: false };
  assert.deepEqual(plan(7, how), plan(7, how));
  assert.notDeepEqual(plan(7, how), plan(8, how));
});

test("it is one try, however many devices there are", () => {
  assert.equal(partitions.tries({ seeds: 50, sample: false }), 1);
  assert.equal(partitions.alone, true);
});
