import * as assert from "node:assert/strict";
import type { Attempt } from "#edge/plan/attempt.ts";
import { holdOf } from "#edge/plan/hold.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { plan } from "#edge/plan/plan.ts";
import { renderSteps } from "#edge/plan/step.ts";
import { revisionOf, type UpdateRules } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import { appInput, appName, appSpec, instance, resolvedApp, revision } from "#test/support/app.ts";

const test = suite("what holds an update back");

const noon = Date.UTC(2026, 10, 21, 12);
const night = { from: "02:00", to: "04:00" };

function waiting(rules: Partial<UpdateRules>, more: Partial<AppInput> = {}): AppInput {
  const spec = { ...appSpec("b"), rules: { maxHoldMs: 3_600_000, ...rules } };
  const { policy, release } = spec;
  const attempt: Attempt = {
    id: "attempt",
    app: appName,
    from: revision("a"),
    to: revisionOf(spec),
    digest: release.digest,
    commit: release.commit,
    stage: "hold",
    startedAt: 0,
    startedMonotonicMs: 599_000,
    stageMonotonicMs: 599_000,
    bootId: "boot",
    tries: 0,
  };
  return appInput({
    target: { spec, revision: attempt.to },
    issuedAt: noon - 60_000,
    current: revision("a"),
    serving: { app: resolvedApp("a", { web: {} }), policy, commit: release.commit },
    instances: [instance("web", 1, "web-a")],
    attempt,
    nowMs: 600_000,
    wallMs: noon,
    ...more,
  });
}

const first = (input: AppInput): string => renderSteps(plan(input).slice(0, 1));

test("without rules the app itself is asked", () => {
  assert.match(first(waiting({})), /^hold web@/);
});

test("a closed window waits for its opening, looking at the clock every minute", () => {
  const input = waiting({ windows: [night] });
  assert.deepEqual(plan(input), [
    {
      kind: "wait",
      app: appName,
      reason: "the maintenance window opens at 2026-11-22 02:00 UTC",
      untilMs: 660_000,
    },
  ]);
  assert.match(first({ ...input, wallMs: noon + 14 * 3_600_000 }), /^hold web@/);
});

test("what serves nothing yet is installed at any time", () => {
  const { current: _, serving: _serving, ...input } = waiting({ windows: [night] });
  assert.equal(holdOf(input), undefined);
});

test("a clock that was never set opens no window, and says so", () => {
  const hold = holdOf(waiting({ windows: [night] }, { wallMs: 3 * 3_600_000 }));
  assert.equal(hold?.reason, "ClockWrong");
  assert.match(hold?.message ?? "", /1970-01-01 03:00/);
  assert.equal(holdOf(waiting({}, { wallMs: 0 })), undefined);
});

test("a version lock begins nothing, and holds what was prepared before it", () => {
  const input = waiting({ lock: { reason: "fair week" } });
  assert.deepEqual(plan(input), [{ kind: "wait", app: appName, reason: "locked: fair week" }]);
  const { attempt: _, ...idle } = input;
  assert.deepEqual(plan(idle), []);
});

test("a version lock with an end is over at that time", () => {
  const { attempt: _, ...input } = waiting({ lock: { reason: "fair week", until: noon } });
  assert.match(first(input), /^begin web@/);
  assert.equal(holdOf({ ...input, wallMs: noon - 1 })?.reason, "VersionLocked");
});

test("an app may hold its update for so long and no longer", () => {
  const held = waiting({ maxHoldMs: 10_000 });
  const since = (heldSinceMonotonicMs: number): AppInput => ({
    ...held,
    attempt: { ...(held.attempt as Attempt), heldSinceMonotonicMs },
  });
  assert.match(first(since(590_001)), /^hold web@/);
  assert.equal(first(since(590_000)), "advance web past hold");
});

test("the app's own bound runs out only while the window is open", () => {
  const held = waiting({ maxHoldMs: 10_000, windows: [night] });
  const attempt = { ...(held.attempt as Attempt), heldSinceMonotonicMs: 0 };
  assert.match(first({ ...held, attempt }), /^wait web: the maintenance window/);
});
