// Tries whose fault did not strike.
import assert from "node:assert/strict";
import { takenUntilStruck } from "#scripts/faults/miss.ts";
import { suite } from "#test/suite.ts";

const test = suite("misses of a fault");

/** Outcomes in order, of which each names the try. */
function tries(...areMisses: boolean[]) {
  let number = 0;
  return async () => {
    const isMiss = areMisses[number] ?? assert.fail("no other try is wanted");
    number += 1;
    return { number, isMiss, figures: new Map<string, number>() };
  };
}

test("a miss is taken again until the fault strikes, and is counted", async () => {
  const { number, figures } = await takenUntilStruck(tries(true, false));
  assert.equal(number, 2);
  assert.deepEqual([...figures], [["tries taken again after a miss", 1]]);
});

test("a try in which the fault struck is taken once", async () => {
  const { number, figures } = await takenUntilStruck(tries(false));
  assert.equal(number, 1);
  assert.equal(figures.size, 0);
});

test("a fault that never strikes is given up as a miss", async () => {
  const { number, isMiss } = await takenUntilStruck(tries(true, true, true));
  assert.deepEqual([number, isMiss], [3, true]);
});
