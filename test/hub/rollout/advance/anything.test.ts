// Whatever devices say and in whatever order: a rollout settles, keeps its limits and moves no device twice.
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { advance } from "#hub/rollout/advance/advance.ts";
import type { Fact, Rollout } from "#hub/rollout/advance/model.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, minuteMs, policy, rollout } from "./fixture.ts";

const test = suite("hub/rollout/advance anything");
const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

const someFact = fc.record({
  answer: fc.constantFrom("succeeded", "refused", "unhealthy", "none"),
  connection: fc.constantFrom("Online", "Stale", "Offline"),
  isSafe: fc.boolean(),
  isHeld: fc.boolean(),
  isServing: fc.boolean(),
  labels: fc.record({ site: fc.constantFrom("x", "y") }),
  traits: fc.constantFrom([{ key: "model", value: "3" }], [{ key: "model", value: "5" }]),
}) satisfies fc.Arbitrary<Partial<Fact>>;
/** Some have not come to the release yet. */
const anyFact: fc.Arbitrary<Partial<Fact>> = fc
  .tuple(someFact, fc.boolean())
  .map(([fact, mayBegin]) => (mayBegin ? { ...fact, mayBegin } : fact));
const somePolicy = fc
  .record({
    steps: fc.array(
      fc.record({
        percent: fc.integer({ min: 1, max: 100 }),
        healthyShare: fc.constantFrom(0, 0.5, 1),
        bakeMinutes: fc.constantFrom(0, 2),
        approval: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    deadlineMinutes: fc.constantFrom(1, 3),
    maxParallel: fc.integer({ min: 1, max: 10 }),
    spreadSeconds: fc.constantFrom(0, 30, 600),
    haltScope: fc.constantFrom("rollout", "cohort"),
  })
  .map((given) => policy(given));

const chapters = fc.array(fc.array(anyFact, { minLength: 10, maxLength: 10 }), {
  minLength: 1,
  maxLength: 10,
});

/** Devices that this decision gave the release, beside those under way. */
function checkStep(before: Rollout, after: Rollout): void {
  const given = after.members.filter(
    ({ step }, at) => step !== null && before.members[at]?.step === null,
  );
  const under = (one: Rollout): number =>
    one.members.filter(({ state }) => state === "Released").length;
  const max = before.policy.maxParallel ?? names.length;
  if (given.some(({ state }) => state === "Released")) assert.ok(under(after) <= max);
  for (const [at, { step }] of before.members.entries()) {
    if (step !== null) assert.equal(after.members[at]?.step, step);
  }
  if (after.state === "Promoted") {
    assert.ok(after.members.every(({ state }) => state !== "Pending"));
  }
}

test("settles under the same facts, gives each device the release once, and keeps to its limits", () => {
  fc.assert(
    fc.property(somePolicy, chapters, (given, history) => {
      let current = rollout(
        names.map((name) => member(name)),
        { policy: given },
      );
      for (const [minute, chapter] of history.entries()) {
        const known = facts(Object.fromEntries(names.map((name, at) => [name, chapter[at] ?? {}])));
        const now = minute * minuteMs;
        let isSettled = false;
        for (let round = 0; round < 30 && !isSettled; round += 1) {
          const decision = advance(current, known, now);
          assert.deepEqual(advance(current, known, now), decision);
          const next = applied(current, decision);
          checkStep(current, next);
          isSettled = JSON.stringify(next) === JSON.stringify(current);
          if (isSettled) assert.deepEqual(decision.tells, []);
          current = next;
        }
        assert.ok(isSettled);
        if (current.state === "AwaitingApproval") {
          current = { ...current, state: "Progressing", approved: current.step };
        }
      }
    }),
    { numRuns: 300 },
  );
});
