import * as assert from "node:assert/strict";
import { deadlineOf, stepLimitMs } from "#edge/agent/watchdog/limits.ts";
import { suite } from "#test/suite.ts";
import { appInput, appName, instance, resolvedApp, revision } from "#test/support/app.ts";

const test = suite("watchdog limits");

test("the guard names the deadline, else systemd for this process, else it is a minute", () => {
  const systemd = { WATCHDOG_USEC: "120000000" };
  assert.equal(deadlineOf({}, 7), 60_000);
  assert.equal(deadlineOf(systemd, 7), 120_000);
  assert.equal(deadlineOf({ ...systemd, WATCHDOG_PID: "7" }, 7), 120_000);
  assert.equal(deadlineOf({ ...systemd, WATCHDOG_PID: "8" }, 7), 60_000);
  assert.equal(deadlineOf({ ...systemd, FLEET_WATCHDOG_MS: "5000" }, 7), 5000);
  assert.equal(deadlineOf({ FLEET_WATCHDOG_MS: "0" }, 7), 0);
});

test("a step that ends copies may take as long as these may take to end", () => {
  const app = resolvedApp("a", { web: { stopGraceMs: 900_000 } });
  const serving = { app, policy: { gracePeriodMs: 10_000, stableMs: 1000 }, commit: "c" };
  const instances = [instance("web", 1, "h"), instance("web", 2, "h")];
  const remove = { kind: "remove", app: appName, instances, why: "" } as const;
  assert.ok(stepLimitMs(remove, appInput({ serving })) > 1_800_000);
  const swap = { kind: "swap", app: appName, revision: revision("a") } as const;
  assert.equal(stepLimitMs(swap, appInput({ serving })), 120_000);
});
