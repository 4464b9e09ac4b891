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

const day = 86_400_000;
const lock = { reason: "fair week", until: noon + 30 * day };
const lockTable: [name: string, more: Partial<AppInput>, expected: RegExp | undefined][] = [
  ["the clock is right, before the end", {}, /^locked until 2026-12-21 12:00 UTC: fair week$/],
  ["the clock is right, after the end", { wallMs: noon + 30 * day }, undefined],
  [
    "away from the hub for eleven months, the clock is all there is",
    { wallMs: noon + 330 * day },
    undefined,
  ],
  [
    "the clock is ten years ahead",
    { wallMs: noon + 3653 * day },
    /^locked until 2026-12-21 12:00 UTC: fair week; the clock says 2036-11-21 12:00 UTC, more than a year after the hub's last word \(2026-11-21 11:59 UTC\), and is not believed$/,
  ],
  [
    "up for two years without news, and the clock says so",
    { wallMs: noon + 730 * day, nowMs: 730 * day },
    undefined,
  ],
  [
    "up for two years without news, and the clock says twelve",
    { wallMs: noon + 4383 * day, nowMs: 730 * day },
    /is not believed$/,
  ],
  ["the clock is in 1970", { wallMs: 5 }, /^locked until/],
  [
    "the clock is in 1970, and the hub spoke after the end",
    { wallMs: 5, issuedAt: noon + 31 * day },
    undefined,
  ],
  ["the hub's own clock was not set", { wallMs: noon + 30 * day, issuedAt: 60_000 }, undefined],
];
for (const [name, more, expected] of lockTable) {
  test(`a version lock with an end: ${name}`, () => {
    const { attempt: _, ...input } = waiting({ lock }, more);
    const hold = holdOf(input);
    assert.equal(hold?.reason, expected === undefined ? undefined : "VersionLocked");
    if (expected !== undefined) assert.match(hold?.message ?? "", expected);
    assert.equal(plan(input).length > 0, expected === undefined);
  });
}

test("a clock that is years ahead opens no window, and says so", () => {
  const ahead = Date.UTC(2036, 10, 21, 3);
  const hold = holdOf(waiting({ windows: [night] }, { wallMs: ahead }));
  assert.equal(hold?.reason, "ClockWrong");
  assert.match(hold?.message ?? "", /^the clock says 2036-11-21 03:00 UTC, more than a year after/);
  assert.equal(hold?.untilMs, 660_000);
  assert.equal(holdOf(waiting({ windows: [night] }, { wallMs: ahead, issuedAt: 5 })), undefined);
  assert.equal(holdOf(waiting({}, { wallMs: ahead })), undefined);
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
