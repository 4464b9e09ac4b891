// An app at one moment: converged, idle beside a wish, or in the middle of an attempt.
import type { Attempt, Stage } from "#edge/plan/attempt.ts";
import { preparing } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { revisionOf, type UpdateRules } from "#shared/desired.ts";
import type { FailureReport } from "#shared/reported.ts";
import { appInput, appName, appSpec, instance, resolvedApp, revision } from "#test/support/app.ts";

const spec = appSpec("b");
export const target = { spec, revision: revisionOf(spec) };
const { policy } = spec;
export function runnable(letter: string): NonNullable<AppInput["serving"]> {
  const app = resolvedApp(letter, {
    db: {},
    web: { dependsOn: { db: { condition: "service_healthy", restart: false, required: true } } },
  });
  return { app, policy, commit: spec.release.commit };
}

export function failed(code: string, message = "it failed"): FailureReport {
  return { code, message, at: 1 };
}

export const copies = (letter: string) => [
  instance("db", 1, `db-${letter}`),
  instance("web", 1, `web-${letter}`),
];

/** Release a serves, b is wanted, and the attempt is at the stage. */
export function updating(stage: Stage, more: Partial<Attempt> = {}): AppInput {
  const letter = preparing.has(stage) || stage === "restore" ? "a" : "b";
  const attempt: Attempt = {
    id: "attempt",
    app: appName,
    from: revision("a"),
    to: target.revision,
    digest: spec.release.digest,
    commit: spec.release.commit,
    stage,
    startedAt: 0,
    startedMonotonicMs: 597_000,
    stageMonotonicMs: 597_000,
    bootId: "boot",
    tries: 0,
    ...more,
  };
  const current = letter === "a" ? revision("a") : target.revision;
  return appInput({
    target,
    attempt,
    current,
    serving: runnable(letter),
    instances: copies(letter),
  });
}

/** The stage failed for a passing reason, and is tried again in seven seconds. */
export const waiting = (stage: Stage, failure: FailureReport): AppInput =>
  updating(stage, { failure, tries: 1, retryMonotonicMs: 606_500 });

/** b is wanted, a serves, nothing is under way. */
export const idle = (more: Partial<AppInput> = {}): AppInput =>
  appInput({
    target,
    current: revision("a"),
    serving: runnable("a"),
    instances: copies("a"),
    ...more,
  });

/** b is wanted and serves. */
export const there = (more: Partial<AppInput> = {}): AppInput =>
  appInput({
    target,
    current: target.revision,
    serving: runnable("b"),
    instances: copies("b"),
    ...more,
  });

export const withRules = (rules: Partial<UpdateRules>): NonNullable<AppInput["target"]> => ({
  ...target,
  spec: { ...spec, rules: { maxHoldMs: 60_000, ...rules } },
});
