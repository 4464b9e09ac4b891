// How long what may hang may take: silence of the loop, and each kind of step.
import { deadlineVariable } from "#edge/guard/pulse.ts";
import type { AppInput } from "#edge/plan/input.ts";
import type { Step, StepKind } from "#edge/plan/step.ts";

const defaultDeadlineMs = 60_000;
const baseMs = 120_000;
/** Hashing or unpacking a large bundle on a slow card. */
const largeMs = 600_000;
/** Of each copy that is stopped or started: the calls to the runtime, and a hook before and after. */
const perCopyMs = 180_000;

/** The longest silence in ms; 0: nobody watches, as under a debugger. Who started the agent names it: the
 *  guard, or systemd for the process that WATCHDOG_PID names.
 *  @see sd_watchdog_enabled(3) */
export function deadlineOf(environment: NodeJS.ProcessEnv, pid: number): number {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: forPid } = environment;
  const told = environment[deadlineVariable];
  if (told !== undefined) return Math.max(0, Number(told) || 0);
  const isOurs = forPid === undefined || Number(forPid) === pid;
  return isOurs && Number(usec) > 0 ? Number(usec) / 1000 : defaultDeadlineMs;
}

/** The limit above which a step counts as hung. Every call inside a step has a deadline of its own and fails
 *  when it is over, as when the Engine hangs: the limit lies above what those can add up to, so that only a
 *  fault of this process reaches it. Downloads, pulls and scripts go on beside their step and are not timed
 *  here: they end by themselves when nothing comes, and one that is merely slow would start from the
 *  beginning with every new agent. Pure. */
export function stepLimitMs(step: Step, input: AppInput): number {
  if (step.kind === "remove") return baseMs + copiesMs(step.instances.length, input);
  if (step.kind === "start") return baseMs + copiesMs(step.instances.length, input);
  return large.has(step.kind) ? largeMs : baseMs;
}

/** A start may have to remove what is in its way. */
function copiesMs(copies: number, { serving }: AppInput): number {
  const services = Object.values(serving?.app.services ?? {});
  const graceMs = Math.max(0, ...services.map(({ spec }) => spec.stopGraceMs));
  return copies * (perCopyMs + graceMs);
}

const large: ReadonlySet<StepKind> = new Set<StepKind>([
  ...(["verify", "stage", "relabel", "commit", "forget", "check", "switch"] as const),
]);
