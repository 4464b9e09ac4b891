// What a device's row says about a release, and the properties by which devices are compared.
import assert from "node:assert/strict";
import { type FactRow, factOf } from "#hub/rollout/advance/fact.ts";
import { AppName, Digest, RevisionId } from "#shared/ids.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import { aReport } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/rollout/advance facts");
const name = AppName.parse("robots");
const target = RevisionId.parse("a".repeat(64));
const other = RevisionId.parse("b".repeat(64));
const digest = Digest.parse("c".repeat(64));

const revision = (id: RevisionId) => ({
  ...{ revision: id, digest, role: "robot", commit: "d".repeat(40), branch: "main" },
});
const running: AppReport = {
  ...{ name, sync: "Synced", health: "Healthy", quarantined: [], services: [] },
  current: revision(target),
};

function row(app: Partial<AppReport>, more: Partial<ReportedState> = {}, change = {}): FactRow {
  const reported = { ...aReport("pi-1"), apps: [{ ...running, ...app }], ...more };
  const place = { labels: {}, connection: "Online", hostHealth: null, mode: "run" } as const;
  return { ...place, desiredGeneration: 1, reported, ...change };
}

test("runs the target well, or not well, or refused it, or has not answered", () => {
  const answer = (app: Partial<AppReport>): string => factOf(row(app), name, target).answer;
  assert.equal(answer({}), "succeeded");
  assert.equal(answer({ health: "Degraded" }), "unhealthy");
  assert.equal(answer({ sync: "OutOfSync" }), "unhealthy");
  assert.equal(answer({ current: revision(other) }), "none");
  assert.equal(answer({ current: revision(other), quarantined: [target] }), "refused");
  assert.equal(factOf(row({}), name, undefined).answer, "none");
  assert.equal(factOf({ ...row({}), reported: null }, name, target).answer, "none");
});

test("serves while it is online and its app healthy, in whatever release", () => {
  const serves = (given: FactRow): boolean => factOf(given, name, target).isServing;
  assert.ok(serves(row({ current: revision(other) })));
  assert.ok(!serves(row({ health: "Degraded" })));
  assert.ok(!serves(row({}, {}, { connection: "Stale" })));
});

test("is held back by a closed window, a lock or an operator, and safe by its word or by order", () => {
  const fact = (given: FactRow) => factOf(given, name, target);
  const held = ["WindowClosed", "VersionLocked", "OnHold", "HeldByApp", "Drained"];
  for (const reason of [...held, "RuntimeNotAnswering"]) {
    assert.ok(fact(row({ why: [{ reason, message: "x" }] })).isHeld, reason);
  }
  assert.ok(!fact(row({ why: [{ reason: "ProbeFailing", message: "x" }] })).isHeld);
  assert.ok(fact(row({}, {}, { mode: "hold" })).isHeld);
  assert.ok(fact(row({}, {}, { mode: "safe" })).isSafe);
  const safeMode = { cause: "diskFull", message: "full", since: 0, serves: "lastGood" } as const;
  const safe = fact(row({}, { safeMode }));
  assert.deepEqual([safe.isSafe, safe.isServing, safe.words], [true, false, "full"]);
});

test("what it said before it heard of what is wanted is no answer", () => {
  const known = factOf(row({ quarantined: [target] }, {}, { desiredGeneration: 2 }), name, target);
  assert.deepEqual([known.answer, known.mayBegin], ["none", true]);
  assert.equal(known.words, "it has not heard of it");
});

test("may begin at any moment while it is on its way to the release, unless somebody's word keeps it", () => {
  const wish = { current: revision(other), target: revision(target) };
  const mayBegin = (app: Partial<AppReport>, change = {}): boolean =>
    factOf(row({ ...wish, ...app }, {}, change), name, target).mayBegin === true;
  const failure = { code: "registry_unreachable", message: "no answer", at: 0 };
  assert.ok(mayBegin({ step: "pull", failure }));
  assert.ok(mayBegin({ step: "fetch" }));
  assert.ok(mayBegin({ step: "hold", why: [{ reason: "WindowClosed", message: "x" }] }));
  assert.ok(!mayBegin({ why: [{ reason: "VersionLocked", message: "x" }] }));
  assert.ok(!mayBegin({}, { mode: "hold" }));
  assert.ok(!mayBegin({ step: "restore" }), "it goes back, and will say why");
  assert.ok(!mayBegin({ target: revision(other) }), "it is on its way to something else");
  assert.ok(!mayBegin({ quarantined: [target] }));
  assert.ok(!mayBegin({ current: revision(target), health: "Degraded" }));
});

test("no release is blamed for a safe mode that was ordered or has another cause", () => {
  const isAnyway = (
    cause: NonNullable<ReportedState["safeMode"]>["cause"],
    app: Partial<AppReport> = { current: revision(other) },
    change = {},
  ): boolean => {
    const safeMode = { cause, message: "x", since: 0, serves: "lastGood" } as const;
    return factOf(row(app, { safeMode }, change), name, target).isSafeAnyway === true;
  };
  for (const cause of ["hub", "hand", "journal", "diskFull", "failedUpdates"] as const)
    assert.ok(isAnyway(cause), cause);
  assert.ok(!isAnyway("bootLoop"));
  assert.ok(!isAnyway("failedUpdates", { quarantined: [target] }));
  const unheard = { desiredGeneration: 2 };
  assert.ok(!isAnyway("failedUpdates", { quarantined: [target] }, unheard));
  assert.ok(!isAnyway("diskFull", { current: revision(target) }));
  assert.ok(factOf(row({}, {}, { mode: "safe" }), name, target).isSafeAnyway);
});

test("compares devices by what they are, with classes for numbers", () => {
  const hostHealth = {
    ...{ cpu: 0, load1: 0, uptimeSeconds: 1, temperatureC: 71 },
    ...{ memoryUsedBytes: 0, memoryTotalBytes: 3.9 * 1024 ** 3 },
    ...{ diskUsedBytes: 91, diskTotalBytes: 100 },
  };
  const { traits } = factOf(row({}, {}, { hostHealth, labels: { site: "rome" } }), name, target);
  const found = Object.fromEntries(traits.map(({ key, value }) => [key, value]));
  assert.equal(found["model"], aReport("pi-1").host.model);
  assert.equal(found["label site"], "rome");
  assert.deepEqual(
    [found["disk"], found["temperature"], found["memory"]],
    ["from 90 % full", "from 70 °C", "4 GiB"],
  );
});
