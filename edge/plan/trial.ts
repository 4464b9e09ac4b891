// The trial of a release that was swapped in: starts it, watches it, and decides when to stop waiting.
import type { InstanceRef } from "#edge/runtime/port.ts";
import { type Attempt, graceSince, onTrial } from "./attempt.ts";
import { converge } from "./converge.ts";
import { isDamped } from "./damping.ts";
import { copyKey, judge, type Verdict } from "./gate.ts";
import type { AppInput, Runnable } from "./input.ts";
import { changing, type Step } from "./step.ts";

/** A release that takes the device or its agent down with it is never seen failing; so often is enough. */
const maxInterruptions = 5;

interface Fault {
  code: string;
  message: string;
}

/** Starts the new release and watches it until the gate has decided. Pure. */
export function prove(input: AppInput, attempt: Attempt): Step[] {
  const { app, serving, wallMs } = input;
  // A crash on the way back, after which the same release is wanted once more.
  if (input.current !== attempt.to) return [{ kind: "swap", app, revision: attempt.to }];
  if (serving === undefined) return proveUnread(input, attempt);
  const verdict = gate(input, serving, attempt);
  const [step] = ownSteps(input, serving);
  const fault = faultOf({ input, attempt, serving, verdict, step });
  if (fault !== undefined) {
    const failure = { ...fault, at: wallMs };
    return [{ kind: "fail", app, stage: attempt.stage, failure }];
  }
  if (step !== undefined && changing.has(step.kind)) return [step];
  // What only the rest of the app waits for is no matter of this release.
  const waits = verdict.is === "waiting" && step !== undefined ? [step] : [];
  if (attempt.stage === "start" && waits.length > 0) return waits;
  if (attempt.stage === "start") return [{ kind: "advance", app, stage: "start" }];
  return watch(input, attempt, { serving, verdict, waits });
}

function watch(
  input: AppInput,
  { to: revision }: Attempt,
  { serving, verdict, waits }: { serving: Runnable; verdict: Verdict; waits: Step[] },
): Step[] {
  const { app, nowMs, fineSinceMs } = input;
  const stable = fineSinceMs !== undefined && nowMs - fineSinceMs >= serving.policy.stableMs;
  if (verdict.is !== "fine" || !stable) return [{ kind: "probe", app, revision }, ...waits];
  return [
    { kind: "advance", app, stage: "probe" },
    { kind: "switch", app, revision },
    { kind: "commit", app, revision },
  ];
}

/** A read may fail in passing, so it has as long as the release itself. */
function proveUnread({ app, target, nowMs, wallMs }: AppInput, attempt: Attempt): Step[] {
  const message = "the release cannot be read back from the disk";
  const graceMs = target?.spec.policy.gracePeriodMs ?? 0;
  if (nowMs - graceSince(attempt) < graceMs) return [{ kind: "wait", app, reason: message }];
  const failure = { code: "bundle_invalid", message, at: wallMs };
  return [{ kind: "fail", app, stage: attempt.stage, failure }];
}

/** What this release has to do. The copies that it left as they were are repaired beside it, in their own
 *  time. */
function ownSteps(input: AppInput, serving: Runnable): Step[] {
  const { unchanged } = input;
  const [step] = converge(serving.app, input.instances, "stay");
  if (step?.kind !== "start") return step === undefined ? [] : [step];
  const own = step.instances.filter((one) => isJudged(serving, one, unchanged));
  if (own.length > 0) return [{ ...step, instances: own }];
  const due = step.instances.filter(({ service }) => !isDamped(input, service));
  return due.length > 0 ? [{ ...step, instances: due }] : [];
}

/** Whether the copy is new with this release. */
export function isJudged(
  { app }: Runnable,
  { service, index }: InstanceRef,
  unchanged: ReadonlySet<string>,
): boolean {
  return !unchanged.has(copyKey(app.services[service]?.configHash ?? "", index));
}

interface Trial {
  input: AppInput;
  attempt: Attempt;
  serving: Runnable;
  verdict: Verdict;
  step: Step | undefined;
}

/** A failure at once, or whatever is still waited for when the grace period ends. */
function faultOf({ input, attempt, serving, verdict, step }: Trial): Fault | undefined {
  if (verdict.is === "failed") return { code: verdict.code, message: verdict.message };
  if (isGivenUp(attempt)) return interrupted(attempt.interruptions ?? 0);
  const { gracePeriodMs } = serving.policy;
  if (input.nowMs - graceSince(attempt) < gracePeriodMs) return undefined;
  const stuck = attempt.failure !== undefined && step !== undefined && changing.has(step.kind);
  if (verdict.is !== "waiting" && !stuck) return undefined;
  const waitedFor = verdict.is === "waiting" ? verdict.reason : "it could not be started";
  const why = attempt.failure?.message ?? waitedFor;
  const message = `not healthy ${Math.round(gracePeriodMs / 1000)} s after its start: ${why}`;
  return { code: attempt.failure?.code ?? "unhealthy", message };
}

/** Whether this release has taken the device or its agent down too often. */
export function isGivenUp({ interruptions = 0 }: Attempt): boolean {
  return interruptions > maxInterruptions;
}

function interrupted(times: number): Fault {
  const message = `the device or its agent restarted ${times} times while this release was on trial`;
  return { code: "unhealthy", message };
}

function gate(input: AppInput, wanted: Runnable, attempt: Attempt): Verdict {
  const { probes, instances, unchanged, hasProbes } = input;
  const fresh = probes !== undefined && probes.atMs >= graceSince(attempt) ? probes : undefined;
  return judge({ wanted: wanted.app, instances, unchanged, probes: fresh, hasProbes });
}

/** What the gate says of the release that an open attempt has swapped in; undefined when none is on
 *  trial. Pure. */
export function trialVerdict(input: AppInput): Verdict | undefined {
  const { attempt, serving } = input;
  if (attempt === undefined || serving === undefined || input.blind) return undefined;
  if (!onTrial.has(attempt.stage) || input.current !== attempt.to) return undefined;
  return gate(input, serving, attempt);
}
