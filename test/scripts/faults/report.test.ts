import * as assert from "node:assert/strict";
import { allSurvived } from "#scripts/faults/report.ts";
import { suite } from "#test/suite.ts";

const test = suite("what the fault harness's totals come to");

const sound = {
  ...({ name: "total", faults: 2, skipped: 0, tries: 3, survived: 3 } as const),
  ...({ lost_entries: 0, unavailable_ms: 120, seconds: 9 } as const),
};

test("all is well when every try was survived and nothing was lost", () => {
  assert.equal(allSurvived(sound, { mustTryAll: true }), true);
  assert.equal(allSurvived({ ...sound, survived: 2 }, { mustTryAll: false }), false);
  assert.equal(allSurvived({ ...sound, lost_entries: 1 }, { mustTryAll: false }), false);
});

test("what was left out is a failure only where all must be tried", () => {
  const partly = { ...sound, skipped: 1 };
  assert.equal(allSurvived(partly, { mustTryAll: false }), true);
  assert.equal(allSurvived(partly, { mustTryAll: true }), false);
});

test("nothing tried is nothing survived", () => {
  const nothing = { ...sound, faults: 0, tries: 0, survived: 0 };
  assert.equal(allSurvived(nothing, { mustTryAll: false }), false);
});
