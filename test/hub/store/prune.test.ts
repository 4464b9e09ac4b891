// What is kept longest: by age and for a device's allowance, which an index says in words of its own.
import assert from "node:assert/strict";
import { isMinor } from "#hub/store/migrations/holdings.ts";
import { updateKinds } from "#hub/store/prune.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/store/prune");

test("what goes last for its allowance is what is kept longest by age", () => {
  const named = [...isMinor.matchAll(/'([^']+)'/g)].map(([, kind]) => kind);
  assert.deepEqual(new Set(named), updateKinds);
});
