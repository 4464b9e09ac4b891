// Deadlines and bakes over times in which nobody could be heard, and under a clock that is set.
import assert from "node:assert/strict";
import { advance } from "#hub/rollout/advance/advance.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, minuteMs, policy, rollout } from "./fixture.ts";

const test = suite("hub/rollout/advance moments");

test("times in which no hub could hear a device count for no deadline and no bake", () => {
  const steps = [{ count: 1, bakeMinutes: 10 }];
  const begin = rollout([member("a"), member("b")], {
    policy: policy({ steps, deadlineMinutes: 5 }),
  });
  const current = applied(begin, advance(begin, facts({ a: {}, b: {} }), 0));
  const absences = [{ from: minuteMs, until: 60 * minuteMs }];
  const ill = facts({ a: { answer: "unhealthy" }, b: {} });
  const early = advance(current, ill, 60 * minuteMs, { absences });
  assert.deepEqual([early.head.state, early.nextAt], ["Progressing", 66 * minuteMs]);
  assert.equal(advance(current, ill, 66 * minuteMs, { absences }).head.state, "Halted");
  const well = facts({ a: { answer: "succeeded" }, b: {} });
  const baking = applied(current, advance(current, well, 0));
  assert.equal(baking.bakeUntil, 10 * minuteMs);
  assert.equal(advance(baking, well, 60 * minuteMs, { absences }).head.state, "Baking");
  assert.equal(advance(baking, well, 71 * minuteMs, { absences }).head.step, 1);
  const paused = advance(current, ill, 60 * minuteMs, {
    absences: [{ from: minuteMs, until: null }],
  });
  assert.deepEqual([paused.head.state, paused.nextAt], ["Progressing", null]);
});

test("a short bake is not made long by a hub that was away for a moment", () => {
  const steps = [{ count: 1, bakeMinutes: 0.1 }];
  const begin = rollout([member("a"), member("b")], { policy: policy({ steps }) });
  const current = applied(begin, advance(begin, facts({ a: {}, b: {} }), 0));
  const well = facts({ a: { answer: "succeeded" }, b: {} });
  const baking = applied(current, advance(current, well, 0));
  const absences = [{ from: 1000, until: 2000 }];
  assert.equal(advance(baking, well, 3000, { absences }).nextAt, 13_000);
});

test("a clock that was put back lets no deadline and no bake wait for the old time", () => {
  const steps = [{ count: 1, bakeMinutes: 10 }];
  const begin = rollout([member("a"), member("b")], {
    policy: policy({ steps, deadlineMinutes: 5 }),
  });
  const now = 1e9;
  const current = applied(begin, advance(begin, facts({ a: {}, b: {} }), now));
  const back = now - 1000 * minuteMs;
  const again = advance(current, facts({ a: {}, b: {} }), back);
  assert.equal(again.marks[0]?.deadlineAt, back + 5 * minuteMs);
  const well = facts({ a: { answer: "succeeded" }, b: {} });
  const baking = applied(current, advance(current, well, now));
  assert.equal(advance(baking, well, back).head.bakeUntil, back + 10 * minuteMs);
});
