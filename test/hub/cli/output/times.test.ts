import * as assert from "node:assert/strict";
import { withTimes } from "#hub/cli/output/times.ts";
import { suite } from "#test/suite.ts";

const test = suite("times in the output");

test("times of the API are written as RFC 3339, wherever they stand", () => {
  const value = { at: 0, items: [{ lastSeenAt: 1000, since: null }], desired: { issuedAt: 2000 } };
  assert.deepEqual(withTimes(value), {
    at: "1970-01-01T00:00:00.000Z",
    items: [{ lastSeenAt: "1970-01-01T00:00:01.000Z", since: null }],
    desired: { issuedAt: "1970-01-01T00:00:02.000Z" },
  });
});

test("numbers that a workload named stay as it said them", () => {
  const said = { at: 0, extensions: { floorAt: 3, since: 4 }, counters: { at: 5 } };
  assert.deepEqual(withTimes({ workloads: [said] }), {
    workloads: [{ ...said, at: "1970-01-01T00:00:00.000Z" }],
  });
});
