import * as assert from "node:assert/strict";
import { type Absence, deadlineAfter, returnMs } from "#hub/run/absence.ts";
import { suite } from "#test/suite.ts";

const test = suite("time that no deadline counts");

const allowanceMs = 100 * 60_000;
const minutes = (n: number): number => n * 60_000;
const away = (from: number, until: number | null): Absence => ({
  from: minutes(from),
  until: until === null ? null : minutes(until),
});
const back = returnMs / 60_000;

/** Minutes after which a deadline of a hundred is over. */
const table: [name: string, absences: Absence[], expected: number][] = [
  ["nothing was missing", [], 100],
  ["the hub was away within", [away(10, 30)], 120 + back],
  ["it was away before", [away(-50, -40)], 100],
  ["it came back as it began", [away(-50, 0)], 100 + back],
  ["it was away as it began", [away(-20, 20)], 120 + back],
  ["it went away afterwards", [away(100, 200)], 100],
  ["it was away when it would have been over", [away(90, 200)], 210 + back],
  ["twice", [away(50, 60), away(10, 20)], 120 + 2 * back],
  ["again before it could be over", [away(90, 200), away(205, 300)], 305 + 2 * back],
  ["a pause while it was away counts once", [away(10, 50), away(20, 30)], 140 + back],
  ["a pause longer than the hub was away", [away(10, 50), away(20, 60)], 150 + back],
  ["the fleet is paused still", [away(20, null)], Number.POSITIVE_INFINITY],
  ["it was paused when all was over", [away(101, null)], 100],
];
for (const [name, absences, expected] of table) {
  test(`${name}: after ${expected} min`, () => {
    assert.equal(deadlineAfter(0, allowanceMs, absences) / 60_000, expected);
  });
}
