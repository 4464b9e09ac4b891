// The restart decision and the health state as pure functions.
import assert from "node:assert/strict";
import {
  afterCheck,
  type HealthState,
  healthRule,
  nextCheckMs,
} from "#edge/runtime/process/health.ts";
import { decideRestart, defaultRestartLimits as limits } from "#edge/runtime/process/policy.ts";
import { suite } from "#test/suite.ts";

const test = suite("restart policy and health rule");
const always = { name: "always", maxAttempts: 0 } as const;

function delays(random: number): number[] {
  return [0, 1, 2, 5, 6, 20].map((attempt) => {
    const decision = decideRestart(always, { exitCode: 1, attempt, ranMs: 10 }, random, limits);
    return decision.restart ? decision.delayMs : -1;
  });
}

test("waits between one second and one minute, longer each time", () => {
  assert.deepEqual(delays(0), [1000, 1000, 1000, 1000, 1000, 1000]);
  assert.deepEqual(delays(0.5), [1500, 2000, 3000, 17_000, 30_500, 30_500]);
  assert.ok(delays(0.999_999).every((delay) => delay < 60_000));
});

test("begins anew after a good run", () => {
  const decision = decideRestart(always, { attempt: 9, ranMs: 60_000 }, 0.5, limits);
  assert.deepEqual(decision, { restart: true, delayMs: 1500, attempt: 1 });
});

test("restarts by the policy's word", () => {
  const verdict = (name: "no" | "always" | "on-failure" | "unless-stopped", exitCode?: number) =>
    decideRestart(
      { name, maxAttempts: 0 },
      { ...(exitCode === undefined ? {} : { exitCode }), attempt: 0, ranMs: 0 },
      0,
      limits,
    ).restart;
  assert.deepEqual(
    [verdict("no", 1), verdict("always", 0), verdict("unless-stopped", 0)],
    [false, true, true],
  );
  assert.deepEqual(
    [verdict("on-failure", 0), verdict("on-failure", 1), verdict("on-failure")],
    [false, true, true],
  );
});

const rule = {
  command: ["true"],
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 10_000,
  startIntervalMs: 1000,
};

function walk(results: string, ranMs: number, from: HealthState["health"] = "starting"): string {
  let state: HealthState = { health: from, failures: 0 };
  return results
    .split("")
    .map((result) => {
      state = afterCheck(state, result === "+", { ranMs, rule });
      return state.health;
    })
    .join(" ");
}

test("is unhealthy after as many failures in a row as retries say", () => {
  assert.equal(walk("--+---", 20_000), "starting starting healthy healthy healthy unhealthy");
  assert.equal(walk("-+", 20_000, "unhealthy"), "unhealthy healthy");
});

test("does not count failures of the start period before the first success", () => {
  assert.equal(walk("-----", 5000), "starting starting starting starting starting");
  assert.equal(walk("+---", 5000), "healthy healthy healthy unhealthy");
});

test("checks more often in the start period", () => {
  assert.equal(nextCheckMs({ health: "starting", failures: 0 }, 5000, rule), 1000);
  assert.equal(nextCheckMs({ health: "starting", failures: 0 }, 15_000, rule), 30_000);
  assert.equal(nextCheckMs({ health: "healthy", failures: 0 }, 5000, rule), 30_000);
});

test("takes Docker's forms and defaults", () => {
  assert.equal(healthRule({ disabled: false, test: ["NONE"] }), undefined);
  assert.equal(healthRule({ disabled: true, test: ["CMD", "true"] }), undefined);
  assert.equal(healthRule(undefined), undefined);
  assert.deepEqual(healthRule({ disabled: false, test: ["CMD-SHELL", "a && b"] }), {
    command: ["sh", "-c", "a && b"],
    intervalMs: 30_000,
    timeoutMs: 30_000,
    retries: 3,
    startPeriodMs: 0,
    startIntervalMs: 5000,
  });
});
