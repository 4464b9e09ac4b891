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
  return { labels: {}, connection: "Online", hostHealth: null, mode: "run", reported, ...change };
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
  for (const reason of ["WindowClosed", "VersionLocked", "OnHold"]) {
    assert.ok(fact(row({ why: [{ reason, message: "x" }] })).isHeld, reason);
  }
  assert.ok(!fact(row({ why: [{ reason: "ProbeFailing", message: "x" }] })).isHeld);
  assert.ok(fact(row({}, {}, { mode: "hold" })).isHeld);
  assert.ok(fact(row({}, {}, { mode: "safe" })).isSafe);
  const safeMode = { cause: "diskFull", message: "full", since: 0, serves: "lastGood" } as const;
  const safe = fact(row({}, { safeMode }));
  assert.deepEqual([safe.isSafe, safe.isServing, safe.words], [true, false, "full"]);
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
