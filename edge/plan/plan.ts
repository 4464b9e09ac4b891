// Turns desired and observed state into ordered steps for one app.
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { type Attempt, finishing, graceSince, onTrial, preparing, type Stage } from "./attempt.ts";
import { converge, dependentsFirst } from "./converge.ts";
import { dampedUntil, isDamped, standingStill } from "./damping.ts";
import { holdOf, versionLock } from "./hold.ts";
import type { AppInput, Runnable } from "./input.ts";
import { changing, type Step } from "./step.ts";
import { isGivenUp, isJudged, prove } from "./trial.ts";

/** While an update is being prepared, healing the old release would often be undone at once; after this
 *  time the preparation is a long one and healing goes on beside it. */
const healPauseMs = 15_000;

/** For a wish without rules. */
const defaultMaxHoldMs = 86_400_000;

/** Next steps for one app; [] means converged. Pure. The first step is done, then everything is
 *  observed again.
 *  @throws FleetError plan_cycle when depends_on has a cycle
 *  @see docs/architecture.md, "The update machine" */
export function plan(input: AppInput): Step[] {
  const { app, target, attempt, current } = input;
  if (input.blind) return [{ kind: "wait", app, reason: "no runtime answers" }];
  if (target === undefined) return removal(input);
  if (attempt !== undefined) {
    return mayGoOn(input, attempt) ? continueAttempt(input, attempt) : supersede(input, attempt);
  }
  if (!mayBegin(input)) return heal(input);
  const begin: Step = { kind: "begin", app, revision: target.revision, from: current };
  return [begin, ...forward(input, "fetch")];
}

/** In safe mode what has not proved itself goes back to the last good release; when it has led there itself,
 *  it fails. */
function mayGoOn({ mode, target }: AppInput, attempt: Attempt): boolean {
  const { to, stage } = attempt;
  if (finishing.has(stage)) return true;
  return to === target?.revision && (mode !== "safe" || isGivenUp(attempt));
}

function mayBegin(input: AppInput): boolean {
  const { target, current, quarantined, mode } = input;
  if (target === undefined || mode !== "run" || versionLock(input) !== undefined) return false;
  return target.revision !== current && !quarantined.has(target.revision);
}

/** Nobody wants the app: everything of it goes, then what the disk holds. On hold nothing goes that
 *  serves, whether or not its release can be read just now. */
function removal(input: AppInput): Step[] {
  const { app, attempt, instances, current, mode } = input;
  if (attempt !== undefined) return supersede(input, attempt);
  if (mode !== "run" && current !== undefined) return heal(input);
  const why = "the device should not have this app";
  const forget: Step = { kind: "forget", app };
  return paced(input, [...removeAll(input, why, instances.length > 0), forget]);
}

/** Another revision is wanted now. What was swapped in and has not proved itself goes back first: the
 *  next attempt starts from, and returns to, the last good release. */
function supersede(input: AppInput, attempt: Attempt): Step[] {
  const { app, mode, instances } = input;
  if (preparing.has(attempt.stage)) return [{ kind: "close", app, outcome: "superseded" }];
  const abandon: Step = { kind: "abandon", app, revision: attempt.from };
  const why = "this first release has not proved itself";
  const isUnproved = mode === "safe" && attempt.from === undefined && instances.length > 0;
  return waitToRetry(input, attempt) ?? [...removeAll(input, why, isUnproved), abandon];
}

function continueAttempt(input: AppInput, attempt: Attempt): Step[] {
  const { app, nowMs, mode } = input;
  const prepares = preparing.has(attempt.stage);
  if (prepares && mode !== "run") return [{ kind: "close", app, outcome: "superseded" }];
  const wait = waitToRetry(input, attempt) ?? waitForLeave(input, attempt);
  const steps = wait ?? forward(input, attempt.stage);
  const long = wait !== undefined || nowMs - attempt.startedMonotonicMs > healPauseMs;
  return prepares && long ? [...healBeside(input), ...steps] : steps;
}

/** Only what can be done now: a preparation must not wait for the old release, which it may be the cure
 *  of. */
function healBeside(input: AppInput): Step[] {
  return heal(input).filter(({ kind }) => changing.has(kind));
}

function waitToRetry({ app, nowMs }: AppInput, attempt: Attempt): Step[] | undefined {
  const { retryMonotonicMs: untilMs, stage, failure } = attempt;
  if (untilMs === undefined || nowMs >= untilMs) return undefined;
  const reason = `tries ${stage} again: ${failure?.message ?? "it failed"}`;
  return [{ kind: "wait", app, reason, untilMs }];
}

/** All is prepared, but what serves may not be replaced now. */
function waitForLeave(input: AppInput, attempt: Attempt): Step[] | undefined {
  const { app, nowMs, target } = input;
  if (attempt.stage !== "hold") return undefined;
  const hold = holdOf(input);
  if (hold !== undefined) {
    const { message: reason, untilMs } = hold;
    return [{ kind: "wait", app, reason, ...(untilMs === undefined ? {} : { untilMs }) }];
  }
  const maxHoldMs = target?.spec.rules?.maxHoldMs ?? defaultMaxHoldMs;
  const { heldSinceMonotonicMs: sinceMs } = attempt;
  const isLong = sinceMs !== undefined && nowMs - sinceMs >= maxHoldMs;
  const isOver = isLong || input.forced === true;
  return isOver ? [{ kind: "advance", app, stage: "hold" }] : undefined;
}

const preparation: readonly (Stage & Step["kind"])[] = [
  "fetch",
  "verify",
  "stage",
  "validate",
  "pull",
  "hold",
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
    case "switch":
    case "commit":
      return [{ kind: stage, app, revision }];
    case "rollBack":
      return [{ kind: "rollBack", app, revision: attempt.from }];
    default:
      return restore(input, attempt);
  }
}

/** Back on the old release: its instances first, then the attempt is over, healthy or not. What cannot be
 *  read from the disk says nothing against what runs. */
function restore(input: AppInput, attempt: Attempt): Step[] {
  const { app, serving, instances } = input;
  const close: Step = { kind: "close", app, outcome: "rolledBack" };
  if (attempt.from === undefined) {
    const why = "the first release failed, so nothing serves";
    return paced(input, [...removeAll(input, why, instances.length > 0), close]);
  }
  if (serving === undefined) return [close];
  const steps = repair(input, serving.app);
  const spentMs = input.nowMs - graceSince(attempt);
  if (steps.length === 0 || spentMs >= serving.policy.gracePeriodMs) return [close];
  return [...steps, close];
}

/** Brings what runs back to the current release. */
function heal(input: AppInput): Step[] {
  const { serving } = input;
  if (serving === undefined) return paced(input, removeGivenUp(input));
  const steps = repair(input, serving.app);
  return steps.length > 0 ? steps : paced(input, relabel(input, serving));
}

/** What is damped waits for itself alone. */
function repair(input: AppInput, wanted: ResolvedApp): Step[] {
  const { app, instances, damped } = input;
  const steps = converge(wanted, instances);
  const resting = new Set([...damped.keys()].filter((service) => isDamped(input, service)));
  if (resting.size === 0 || steps[0] === undefined || !changing.has(steps[0].kind)) return steps;
  const due = converge(wanted, standingStill(wanted, instances, resting));
  if (due[0] !== undefined && changing.has(due[0].kind)) return due;
  const untilMs = Math.min(...[...resting].map((service) => damped.get(service) ?? 0));
  return [{ kind: "wait", app, reason: "tries to repair again soon", untilMs }];
}

/** Copies without a release that could be current are of a first release that was given up, or of a
 *  device whose directory was lost: they serve until it is sure that nothing takes their place. */
function removeGivenUp(input: AppInput): Step[] {
  const { current, target, quarantined, instances } = input;
  const refused = target !== undefined && quarantined.has(target.revision);
  const givenUp = current === undefined && refused && instances.length > 0;
  return removeAll(input, "no release of this app is current", givenUp);
}

function removeAll({ app, instances, serving }: AppInput, why: string, really: boolean): Step[] {
  const order = dependentsFirst(instances, serving?.app);
  return really ? [{ kind: "remove", app, instances: order, why }] : [];
}

/** After a repair that failed, the next one waits. */
function paced(input: AppInput, steps: Step[]): Step[] {
  const [first] = steps;
  if (first === undefined || first.kind === "wait" || first.kind === "close") return steps;
  const untilMs = dampedUntil(input, first);
  if (untilMs === undefined) return steps;
  return [{ kind: "wait", app: input.app, reason: "tries to repair again soon", untilMs }];
}

/** A revert asks for what is here already, by another commit; people want to see that one. */
function relabel({ app, target, current }: AppInput, serving: Runnable): Step[] {
  if (target === undefined || target.revision !== current) return [];
  if (target.spec.release.commit === serving.commit) return [];
  return [{ kind: "relabel", app, revision: target.revision }];
}

/** Whether a failure of this step speaks against the attempt; else it is a repair that goes on beside it.
 *  Pure. */
export function isOfAttempt(step: Step, { attempt, serving, unchanged }: AppInput): boolean {
  if (attempt === undefined || attempt.stage === "restore") return false;
  if (step.kind !== "start" && step.kind !== "remove") return true;
  if (!onTrial.has(attempt.stage)) return false;
  if (step.kind === "remove") return true;
  return step.instances.some((one) => serving === undefined || isJudged(serving, one, unchanged));
}
