import * as assert from "node:assert/strict";
import type { Absence } from "#hub/run/absence.ts";
import { advanceRun, cancelledHead, graceMs } from "#hub/run/advance.ts";
import { newRun } from "#hub/run/begin.ts";
import type { Run, RunEntry, RunFacts } from "#hub/run/model.ts";
import { newLifecycle } from "#hub/run/phase.ts";
import { plansOf } from "#hub/run/plans.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RequestId, RunId, RunReport } from "#shared/run.ts";
import { suite } from "#test/suite.ts";

const test = suite("one look at one run");
const orderedAt = 1_000_000;
const minuteMs = 60_000;

function runOf(plan: string, pollMs?: number): Run {
  const found = plansOf(undefined).get(plan);
  assert.ok(found !== undefined);
  const device = "pi-1" as DeviceId;
  const life = { ...newLifecycle(device, 0), phase: "READY" as const };
  const said = { operator: "ann", reason: "it was time", parameters: {} };
  return newRun(
    { device, plan, request: "r-1" as RequestId, ...said },
    {
      ...{ plan: found, life, id: "run000001" as RunId, now: orderedAt },
      ...(pollMs === undefined ? {} : { pollMs }),
    },
  );
}

const run = runOf("reboot");
const entry = (kind: string, body: object, atMs = 0): RunEntry => ({
  ...{ receivedAt: orderedAt + atMs, kind },
  body: { run: run.id, ...body },
});
const started = entry("run.started", { request: "r-1", plan: "reboot" });
const drain = { index: 0, kind: "drain", attempt: 1 };
const draining = entry("run.step.started", drain, 1000);
const drained = entry("run.step.ended", { ...drain, ok: true, durationMs: 5 }, 2000);
const report = (more: Partial<RunReport> = {}): RunReport => ({
  ...{ id: run.id, plan: "reboot", startedAt: 5, index: 0, kind: "drain", attempt: 1 },
  ...more,
});

/** State, step, whether the order stands. */
function look(facts: RunFacts, of = run, afterMs = 3000): string {
  const { head } = advanceRun(of, facts, orderedAt + afterMs);
  const step = head.step === null ? "" : ` ${head.step.kind}#${head.step.attempt}`;
  return `${head.state}${step}${head.isStanding ? " ordered" : ""}`;
}

const ended = (outcome: string, more = {}) =>
  entry("run.ended", { outcome, durationMs: 9, ...more });
const table: [name: string, facts: RunFacts, expected: string][] = [
  ["nothing is known", { entries: [] }, "Pending ordered"],
  ["it began", { entries: [started] }, "Running ordered"],
  ["it is in a step", { entries: [started, draining] }, "Running drain#1 ordered"],
  ["a step ended", { entries: [started, draining, drained] }, "Running drain#1 ordered"],
  ["only the report came", { entries: [], report: report() }, "Running drain#1 ordered"],
  ["it succeeded", { entries: [started, draining, ended("succeeded")] }, "Succeeded drain#1"],
  ["it failed", { entries: [started, draining, ended("failed")] }, "Failed drain#1"],
  ["the device cancelled it", { entries: [started, ended("cancelled")] }, "Cancelled"],
  [
    "the journal was lost, and the report tells the end",
    { entries: [started], report: report({ outcome: "failed", code: "step_failed" }) },
    "Failed drain#1",
  ],
  [
    "the report is of another run",
    { entries: [], report: report({ id: "run000000" as RunId, outcome: "failed" }) },
    "Pending ordered",
  ],
  [
    "the entries are of another run",
    { entries: [{ ...started, body: { ...started.body, run: "run000000" } }] },
    "Pending ordered",
  ],
  ["an entry makes no sense", { entries: [started, ended("exploded")] }, "Running ordered"],
];
for (const [name, facts, expected] of table) {
  test(`${name}: ${expected}`, () => assert.equal(look(facts), expected));
}

test("the same facts change nothing the second time", () => {
  const facts = { entries: [started, draining] };
  const { head } = advanceRun(run, facts, orderedAt + 3000);
  assert.equal(advanceRun({ ...run, head }, facts, orderedAt + 4000).head, head);
  const over = advanceRun(run, { entries: [ended("succeeded")] }, orderedAt).head;
  assert.equal(advanceRun({ ...run, head: over }, facts, orderedAt + 4000).head, over);
});

test("a cancelled run stays cancelled whatever the device says; its order goes when it has answered", () => {
  const head = cancelledHead(run.head, "ann cancelled it", orderedAt + 10);
  const cancelled = { ...run, head };
  assert.equal(look({ entries: [started, draining] }, cancelled), "Cancelled ordered");
  assert.equal(look({ entries: [started, ended("succeeded")] }, cancelled), "Cancelled");
});

test("a device that does not begin in time fails the run, and the plan may take that as an end", () => {
  const hourMs = 60 * minuteMs;
  assert.equal(advanceRun(run, { entries: [] }, orderedAt).nextAt, orderedAt + hourMs);
  assert.equal(look({ entries: [] }, run, hourMs - 1), "Pending ordered");
  assert.equal(look({ entries: [] }, run, hourMs), "Failed ordered");
  const rma = runOf("rma");
  assert.equal(look({ entries: [] }, rma, 10 * minuteMs), "Succeeded");
  const begun = { entries: [started, draining] };
  assert.equal(look(begun, rma, 120 * minuteMs), "Failed drain#1 ordered");
});

test("the time to begin counts from the poll at which a device that sleeps can hear of the run", () => {
  const quarterMs = 15 * minuteMs;
  const rma = runOf("rma", quarterMs);
  assert.equal(look({ entries: [] }, rma, 25 * minuteMs - 1), "Pending ordered");
  assert.equal(look({ entries: [] }, rma, 25 * minuteMs), "Succeeded");
  const daily = runOf("reboot", 1440 * minuteMs);
  assert.equal(look({ entries: [] }, daily, 1499 * minuteMs), "Pending ordered");
  const { head } = advanceRun(daily, { entries: [] }, orderedAt + 1500 * minuteMs);
  assert.equal(
    head.message,
    "the device did not begin within 60 min of a poll, and it polls every 1440 min",
  );
});

test("an absence of the hub in which a poll fell leaves the time until the next one", () => {
  const rma = runOf("rma", 15 * minuteMs);
  const away = [{ from: orderedAt + 14 * minuteMs, until: orderedAt + 16 * minuteMs }];
  const { head } = advanceRun(rma, { entries: [] }, orderedAt + 31 * minuteMs, away);
  assert.equal(head.state, "Pending");
});

/** The hub has given the silent device up. */
function givenUp(of = run): Run {
  const { head } = advanceRun(of, { entries: [started, draining] }, orderedAt + 120 * minuteMs);
  assert.deepEqual([head.state, head.code], ["Failed", "step_timeout"]);
  return { ...of, head };
}

const lates: [name: string, facts: RunFacts, expected: string][] = [
  ["it had succeeded", { entries: [started, ended("succeeded")] }, "Succeeded drain#1"],
  [
    "its report says so",
    { entries: [], report: report({ outcome: "succeeded" }) },
    "Succeeded drain#1",
  ],
  ["it had failed", { entries: [started, draining, ended("failed")] }, "Failed drain#1"],
  [
    "it obeyed the cancelling",
    { entries: [started, draining, ended("cancelled")] },
    "Failed drain#1",
  ],
  ["it goes on", { entries: [started, draining, drained] }, "Failed drain#1 ordered"],
];
for (const [name, facts, expected] of lates) {
  test(`a device that was given up and comes back; ${name}: ${expected}`, () =>
    assert.equal(look(facts, givenUp(), 121 * minuteMs), expected));
}

test("a late end says why it is late, with the device's own words", () => {
  const told = {
    entries: [
      started,
      draining,
      ended("failed", { code: "disk_short", message: "the disk is full" }),
    ],
  };
  const { head } = advanceRun(givenUp(), told, orderedAt + 121 * minuteMs);
  assert.equal(head.code, "disk_short");
  assert.match(
    head.message ?? "",
    /^the disk is full; it ended before the device was heard of again \(the device has not/,
  );
  assert.equal(advanceRun({ ...run, head }, told, orderedAt + 122 * minuteMs).head, head);
});

const absences: [name: string, absences: Absence[], afterMs: number, expected: string][] = [
  [
    "the hub was down",
    [{ from: orderedAt + minuteMs, until: orderedAt + 61 * minuteMs }],
    61 * minuteMs,
    "Pending ordered",
  ],
  ["the fleet is paused", [{ from: orderedAt + minuteMs, until: null }], 1e9, "Pending ordered"],
  [
    "both are over for long",
    [{ from: orderedAt + minuteMs, until: orderedAt + 61 * minuteMs }],
    123 * minuteMs,
    "Failed ordered",
  ],
];
for (const [name, away, afterMs, expected] of absences) {
  test(`time to begin does not pass while devices cannot be reached; ${name}: ${expected}`, () => {
    const { head, nextAt } = advanceRun(run, { entries: [] }, orderedAt + afterMs, away);
    assert.equal(`${head.state}${head.isStanding ? " ordered" : ""}`, expected);
    const lasts = away.some(({ until }) => until === null);
    assert.equal(nextAt === null, lasts || head.state === "Failed");
  });
}

test("a step's time does not pass either", () => {
  const facts = { entries: [started, draining] };
  const away = [{ from: orderedAt + 2 * minuteMs, until: orderedAt + 300 * minuteMs }];
  const { head } = advanceRun(run, facts, orderedAt + 301 * minuteMs, away);
  assert.equal(head.state, "Running");
  const late = advanceRun(run, facts, orderedAt + 320 * minuteMs, away);
  assert.equal(late.head.state, "Failed");
});

test("a step has its own time and the grace beyond it, from the last word of the device", () => {
  const facts = { entries: [started, draining] };
  // drain may take five minutes, the reboot after it ten.
  const deadlineMs = 1000 + 10 * minuteMs + graceMs;
  assert.equal(advanceRun(run, facts, orderedAt).nextAt, orderedAt + deadlineMs);
  assert.equal(look(facts, run, deadlineMs - 1), "Running drain#1 ordered");
  assert.equal(look(facts, run, deadlineMs), "Failed drain#1 ordered");
});

test("a device that still speaks into the run's log is not silent", () => {
  const facts = { entries: [started, draining], loggedAt: orderedAt + 10 * minuteMs };
  const { nextAt } = advanceRun(run, facts, orderedAt + 11 * minuteMs);
  assert.equal(nextAt, orderedAt + 20 * minuteMs + graceMs);
  assert.equal(look(facts, run, 16 * minuteMs), "Running drain#1 ordered");
  assert.equal(look(facts, run, 20 * minuteMs + graceMs), "Failed drain#1 ordered");
});
