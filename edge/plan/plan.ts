// Turns desired and observed state into ordered steps for one app.
import { type Attempt, preparing, type Stage } from "./attempt.ts";
import { converge, teardown } from "./converge.ts";
import { judge, type Verdict } from "./gate.ts";
import type { AppInput, Runnable } from "./input.ts";
import type { Step } from "./step.ts";

/** While an update is being prepared, healing the old release would often be undone at once; after this
 *  time the preparation is a long one and healing goes on beside it. */
const healPauseMs = 15_000;

/** Next steps for one app; [] means converged. Pure. The first step is done, then everything is
 *  observed again.
 *  @throws FleetError plan_cycle when depends_on has a cycle
 *  @see docs/architecture.md, "The update machine" */
export function plan(input: AppInput): Step[] {
  const { target, attempt } = input;
  if (input.blind) return [{ kind: "wait", app: input.app, reason: "no runtime answers" }];
  if (target === undefined) return removal(input);
  if (attempt !== undefined && attempt.stage !== "rollBack" && attempt.stage !== "restore") {
    if (attempt.to !== target.revision) return supersede(input, attempt);
  }
  if (attempt !== undefined) return continueAttempt(input, attempt);
  if (mayBegin(input)) {
    const { app, current } = input;
    return [
      { kind: "begin", app, revision: target.revision, from: current },
      ...forward(input, "fetch"),
    ];
  }
  return heal(input);
}

function mayBegin(input: AppInput): boolean {
  const { target, current, quarantined, mode } = input;
  if (target === undefined || mode !== "run") return false;
  return target.revision !== current && !quarantined.has(target.revision);
}

/** Nobody wants the app: everything of it goes, then what the disk holds. */
function removal(input: AppInput): Step[] {
  const { app, attempt, instances, serving } = input;
  const steps: Step[] = [];
  if (attempt !== undefined) steps.push({ kind: "close", app, outcome: "superseded" });
  if (instances.length > 0) {
    const order = teardown(instances, serving?.app);
    steps.push({
      kind: "remove",
      app,
      instances: order,
      why: "the device should not have this app",
    });
  }
  steps.push({ kind: "forget", app });
  return steps;
}

/** Another revision is wanted now. What was swapped in and has not proved itself goes back first: the
 *  next attempt starts from, and returns to, the last good release. */
function supersede(input: AppInput, attempt: Attempt): Step[] {
  const { app } = input;
  if (preparing.has(attempt.stage)) return [{ kind: "close", app, outcome: "superseded" }];
  return [{ kind: "abandon", app, revision: attempt.from }];
}

function continueAttempt(input: AppInput, attempt: Attempt): Step[] {
  const { app, nowMs, mode } = input;
  if (mode !== "run" && preparing.has(attempt.stage)) {
    return [{ kind: "close", app, outcome: "superseded" }];
  }
  if (attempt.retryMonotonicMs !== undefined && nowMs < attempt.retryMonotonicMs) {
    const reason = `tries ${attempt.stage} again: ${attempt.failure?.message ?? "it failed"}`;
    const wait: Step = { kind: "wait", app, reason, untilMs: attempt.retryMonotonicMs };
    return preparing.has(attempt.stage) ? [...heal(input), wait] : [wait];
  }
  const steps = forward(input, attempt.stage);
  const long = nowMs - attempt.startedMonotonicMs > healPauseMs;
  return preparing.has(attempt.stage) && long ? [...heal(input), ...steps] : steps;
}

const preparation: readonly (Stage & Step["kind"])[] = [
  "fetch",
  "verify",
  "stage",
  "validate",
  "pull",
  "check",
  "swap",
];

/** The steps from a stage on, as far as they can be foreseen. */
function forward(input: AppInput, stage: Stage): Step[] {
  const { app, target, attempt } = input;
  const revision = attempt?.to ?? target?.revision;
  if (revision === undefined) return [];
  const from = (preparation as readonly Stage[]).indexOf(stage);
  if (from >= 0) {
    return preparation.slice(from).map((kind) => ({ kind, app, revision }) as Step);
  }
  if (attempt === undefined) return [];
  switch (stage) {
    case "start":
    case "probe":
      return prove(input, attempt);
    case "commit":
      return [{ kind: "commit", app, revision }];
    case "rollBack":
      return [{ kind: "rollBack", app, revision: attempt.from }];
    default:
      return restore(input, attempt);
  }
}

/** Starts the new release and watches it until the gate has decided. */
function prove(input: AppInput, attempt: Attempt): Step[] {
  const { app, serving, nowMs, wallMs } = input;
  if (serving === undefined) {
    const message = "the release cannot be read back from the disk";
    const failure = { code: "bundle_invalid", message, at: wallMs };
    return [{ kind: "fail", app, stage: attempt.stage, failure }];
  }
  const verdict = gate(input, serving, attempt.stageMonotonicMs);
  const failed = verdictAgainst(verdict, input, attempt, serving);
  if (failed !== undefined) {
    const failure = { ...failed, at: wallMs };
    return [{ kind: "fail", app, stage: attempt.stage, failure }];
  }
  const steps = converge(serving.app, input.instances);
  if (steps.length > 0 && steps[0]?.kind !== "wait") return steps;
  if (attempt.stage === "start") {
    return steps.length > 0 ? steps : [{ kind: "advance", app, stage: "start" }];
  }
  const revision = attempt.to;
  const since = input.fineSinceMs;
  const proved = verdict.is === "fine" && since !== undefined;
  if (proved && nowMs - since >= serving.policy.stableMs && steps.length === 0) {
    return [
      { kind: "advance", app, stage: "probe" },
      { kind: "commit", app, revision },
    ];
  }
  return [{ kind: "probe", app, revision }, ...steps];
}

function gate(input: AppInput, wanted: Runnable, sinceMs: number): Verdict {
  const { probes } = input;
  const fresh = probes !== undefined && probes.atMs >= sinceMs ? probes : undefined;
  return judge({
    wanted: wanted.app,
    instances: input.instances,
    unchanged: input.unchanged,
    probes: fresh,
    hasProbes: input.hasProbes,
  });
}

/** A failure at once, or whatever is still waited for when the grace period ends. */
function verdictAgainst(
  verdict: Verdict,
  input: AppInput,
  attempt: Attempt,
  serving: Runnable,
): { code: string; message: string } | undefined {
  if (verdict.is === "failed") return { code: verdict.code, message: verdict.message };
  const spentMs = input.nowMs - attempt.stageMonotonicMs;
  if (verdict.is !== "waiting" || spentMs < serving.policy.gracePeriodMs) return undefined;
  const seconds = Math.round(serving.policy.gracePeriodMs / 1000);
  return {
    code: attempt.failure?.code ?? "unhealthy",
    message: `not healthy ${seconds} s after its start: ${attempt.failure?.message ?? verdict.reason}`,
  };
}

/** Back on the old release: its instances first, then the attempt is over, healthy or not. */
function restore(input: AppInput, attempt: Attempt): Step[] {
  const { app, serving, instances } = input;
  const close: Step = { kind: "close", app, outcome: "rolledBack" };
  if (attempt.from === undefined || serving === undefined) {
    if (instances.length === 0) return [close];
    const order = teardown(instances);
    const why = "the first release failed, so nothing serves";
    return [{ kind: "remove", app, instances: order, why }, close];
  }
  const steps = converge(serving.app, instances);
  const spentMs = input.nowMs - attempt.stageMonotonicMs;
  if (steps.length === 0 || spentMs >= serving.policy.gracePeriodMs) return [close];
  return [...steps, close];
}

/** Brings what runs back to the current release. */
function heal(input: AppInput): Step[] {
  const { app, serving, instances, healNotBeforeMs, nowMs } = input;
  if (serving === undefined) {
    if (input.current !== undefined || instances.length === 0) return [];
    const order = teardown(instances);
    return [{ kind: "remove", app, instances: order, why: "no release of this app is current" }];
  }
  const steps = converge(serving.app, instances);
  if (steps.length === 0) return relabel(input, serving);
  if (healNotBeforeMs === undefined || nowMs >= healNotBeforeMs) return steps;
  return [{ kind: "wait", app, reason: "tries to repair again soon", untilMs: healNotBeforeMs }];
}

/** A revert asks for what is here already, by another commit; people want to see that one. */
function relabel({ app, target, current }: AppInput, serving: Runnable): Step[] {
  if (target === undefined || target.revision !== current) return [];
  if (target.spec.release.commit === serving.commit) return [];
  return [{ kind: "relabel", app, revision: target.revision }];
}

/** What the gate says of the release that an open attempt has swapped in; undefined when none is on
 *  trial. Pure. */
export function trialVerdict(input: AppInput): Verdict | undefined {
  const { attempt, serving } = input;
  if (attempt === undefined || serving === undefined || input.blind) return undefined;
  if (attempt.stage !== "start" && attempt.stage !== "probe") return undefined;
  return gate(input, serving, attempt.stageMonotonicMs);
}
