// The machine of a run: what is next, what becomes of it, and what the app loop is asked meanwhile.
import * as assert from "node:assert/strict";
import { advanceRun, type RunFacts, type RunState } from "#edge/plan/run.ts";
import { moveRun, type RunChange } from "#edge/plan/run_moves.ts";
import { forcesApp, restsApp } from "#edge/plan/run_posture.ts";
import { runReport, whyRun } from "#edge/plan/run_words.ts";
import type { AppName } from "#shared/ids.ts";
import { RunOrder } from "#shared/run.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/plan run");

const web = "web" as AppName;
const limits = { timeoutMs: 10_000, retries: 1 };

function orderOf(...kinds: string[]): RunOrder {
  const steps = kinds.map((kind) => ({
    kind,
    ...limits,
    ...(kind === "verify" ? { stableMs: 0 } : {}),
  }));
  return RunOrder.parse({ id: "run00000001", request: "r", plan: "p", steps });
}

const order = orderOf("drain", "reboot", "verify");
const calm: RunFacts = { order, bootId: "b1", nowMs: 1000, isTakenUp: true };

function moved(
  state: RunState | undefined,
  action: RunChange,
  nowMs = 1000,
  bootId = "b1",
): RunState {
  return moveRun(state, action, { at: nowMs, bootId, nowMs, random: 0.5 }).state;
}

const begun = moved(undefined, { do: "begin", order });
const trying = moved(begun, { do: "startStep" });
const failure = { code: "step_failed", message: "no" };

test("every state has a way on, and none is left twice", () => {
  const next = (state: RunState | undefined, facts: Partial<RunFacts> = {}): string =>
    advanceRun(state, { ...calm, ...facts }).do;
  const twice = moved(moved(moved(trying, { do: "endStep", failure }), { do: "startStep" }), {
    ...{ do: "endStep", failure },
  });
  const over = moved(begun, { do: "end", outcome: "succeeded" });
  const { order: _, ...orderless } = calm;
  const table: [string, string][] = [
    ["rest", next(undefined, { order: undefined })],
    ["begin", next(undefined)],
    ["startStep", next(begun)],
    ["act", next(trying)],
    ["takeUp", next(trying, { isTakenUp: false })],
    ["act", next(trying, { verdict: { is: "acting" } })],
    ["endStep", next(trying, { verdict: { is: "done" } })],
    ["endStep", next(trying, { verdict: { is: "failed", failure } })],
    ["act", next(trying, { nowMs: 11_000 })],
    ["endStep", next(trying, { nowMs: 11_000, verdict: { is: "acting" } })],
    ["wait", next(moved(trying, { do: "endStep", failure }))],
    ["startStep", next(moved(trying, { do: "endStep", failure }), { nowMs: 1500 })],
    ["startStep", next(moved(trying, { do: "endStep", failure }), { bootId: "b2" })],
    ["end", next(twice)],
    ["end", next({ ...begun, index: 3 })],
    ["end", next(trying, { order: { ...order, cancel: true } })],
    ["end", advanceRun(trying, { ...orderless, order: undefined }).do],
    ["rest", next(over)],
    ["rest", next(over, { order: undefined })],
  ];
  assert.deepEqual(
    table.map(([, found]) => found),
    table.map(([wanted]) => wanted),
  );
});

test("a step that takes the device down with it is given up at the sixth time", () => {
  let state = trying;
  for (let boot = 2; boot <= 7; boot += 1) {
    assert.equal(advanceRun(state, { ...calm, bootId: `b${boot}` }).do, "act");
    state = moved(state, { do: "takeUp" }, 1000, `b${boot}`);
  }
  const action = advanceRun(state, { ...calm, bootId: "b7" });
  assert.ok(action.do === "endStep" && action.failure?.code === "interrupted");
});

test("the time of a step goes on over a restart of the agent, and begins anew in another boot", () => {
  const restarted = moved(trying, { do: "takeUp" }, 9000);
  const rebooted = moved(trying, { do: "takeUp" }, 9000, "b2");
  const facts = { ...calm, nowMs: 11_500, verdict: { is: "acting" } } as const;
  assert.equal(advanceRun(restarted, facts).do, "endStep");
  assert.equal(advanceRun(rebooted, { ...facts, bootId: "b2" }).do, "act");
});

test("apps rest from the drain until something wants them, or the run is over", () => {
  const drained = moved(trying, { do: "endStep" });
  const { id } = order;
  assert.equal(restsApp(trying, web, id), false);
  const letGo = { ...trying, trying: { ...trying.trying, marks: { letGo: true } } } as RunState;
  assert.equal(restsApp(letGo, web, id), true);
  assert.equal(restsApp(drained, web, id), true);
  const verifying = moved({ ...drained, index: 2 }, { do: "startStep" });
  assert.equal(restsApp(verifying, web, id), false);
  const over = moved(drained, { do: "end", outcome: "cancelled", failure });
  assert.equal(restsApp(over, web, id), false);
});

test("what was wiped stays so while its order stands, and an install ends that", () => {
  const wiping = orderOf("wipe", "installRelease");
  const wiped = moved(
    moved(moved(undefined, { do: "begin", order: wiping }), { do: "startStep" }),
    {
      do: "endStep",
    },
  );
  const over = moved(wiped, { do: "end", outcome: "failed", failure });
  // The next step had not begun.
  assert.equal(restsApp({ ...wiped, failed: 0 }, web, wiping.id), true);
  assert.equal(restsApp(over, web, undefined), false);
  const installing = moved(wiped, { do: "startStep" });
  assert.equal(restsApp(installing, web, wiping.id), false);
  assert.equal(forcesApp(installing, web), true);
  assert.equal(forcesApp(wiped, web), false);
});

test("a run that is cancelled in a step ends both, with the reason", () => {
  const { entries } = moveRun(
    trying,
    { do: "end", outcome: "cancelled", failure },
    { at: 5000, bootId: "b1", nowMs: 3000, random: 0 },
  );
  assert.deepEqual(
    entries.map(({ kind, body }) => [kind, body["code"], body["durationMs"]]),
    [
      ["run.step.ended", "step_failed", 2000],
      ["run.ended", "step_failed", 4000],
    ],
  );
});

test("says where the run is, and which try", () => {
  const again = moved(moved(trying, { do: "endStep", failure }), { do: "startStep" });
  assert.deepEqual(runReport(again).attempt, 2);
  assert.equal(
    whyRun(again, "web to come to rest")?.message,
    "run run00000001 of the plan p is at step 1 of 3, drain: web to come to rest; try 2, since no",
  );
  assert.equal(whyRun(moved(begun, { do: "end", outcome: "succeeded" }), undefined), undefined);
});
