// One look at one run: how far its device says that it came, and whether it has been silent for too long; pure.
import {
  RunEndedBody as Ended,
  type RunEndedBody,
  RunStartedBody,
  RunStepStartedBody,
} from "#shared/run.ts";
import { type Absence, deadlineAfter, returnMs } from "./absence.ts";
import {
  isOver,
  type Run,
  type RunEntry,
  type RunFacts,
  type RunHead,
  type RunPlace,
} from "./model.ts";

/** Beyond a step's own time: for a device that connects seldom, and for its journal to arrive. */
export const graceMs = 5 * 60_000;

interface Advanced {
  /** The same object when nothing changed. */
  head: RunHead;
  /** Unix ms at which it is to be looked at again though nothing is told; null: not before something changes. */
  nextAt: number | null;
}

/** @param now Unix ms by the hub's clock
 *  @param absences times that no deadline counts */
export function advanceRun(
  run: Run,
  facts: RunFacts,
  now: number,
  absences: readonly Absence[] = [],
): Advanced {
  const told = whatIsTold(run, facts);
  if (isOver(run.head)) return { head: settled(run.head, told, now), nextAt: null };
  const head = changedHead(run.head, {
    ...run.head,
    state: told.hasBegun ? "Running" : "Pending",
    step: told.step ?? run.head.step,
    startedAt: run.head.startedAt ?? told.startedAt,
    heardAt: told.heardAt ?? heardBy(run.head, told, now),
  });
  if (told.ended !== undefined) return { head: endedHead(head, told.ended, now), nextAt: null };
  const deadline = deadlineOf({ ...run, head }, facts.loggedAt ?? 0, absences);
  if (now >= deadline) return { head: silentHead(run, head, now), nextAt: null };
  return { head, nextAt: Number.isFinite(deadline) ? deadline : null };
}

/** A report alone has no time of the hub's: it counts as heard when it shows another step. */
function heardBy(head: RunHead, { step }: Told, now: number): number | null {
  const isNews = step !== null && JSON.stringify(step) !== JSON.stringify(head.step);
  return isNews ? now : head.heardAt;
}

/** At once, whatever the device does; the order says so to it until it has answered. */
export function cancelledHead(head: RunHead, message: string, now: number): RunHead {
  return { ...head, state: "Cancelled", endedAt: now, code: "interrupted", message };
}

interface Told {
  hasBegun: boolean;
  startedAt: number | null;
  heardAt: number | null;
  step: RunPlace | null;
  ended: Omit<RunEndedBody, "run" | "durationMs"> | undefined;
}

/** The report counts where the journal was lost on the way. */
function whatIsTold(run: Run, { entries, report }: RunFacts): Told {
  const own = entries.filter(({ body }) => body["run"] === run.id);
  const ofRun = report?.id === run.id ? report : undefined;
  const ends = own.flatMap(({ kind, body }) =>
    kind === "run.ended" ? (Ended.safeParse(body).data ?? []) : [],
  );
  return {
    hasBegun: own.length > 0 || ofRun !== undefined || run.head.state === "Running",
    startedAt: own.find(isStart)?.receivedAt ?? null,
    heardAt: own.at(-1)?.receivedAt ?? null,
    step: stepOf(own) ?? (ofRun === undefined ? null : placeOf(ofRun)),
    ended: ends[0] ?? endOf(ofRun),
  };
}

function isStart({ kind, body }: RunEntry): boolean {
  return kind === "run.started" && RunStartedBody.safeParse(body).success;
}

function stepOf(own: RunFacts["entries"]): RunPlace | null {
  const last = own.findLast(({ kind }) => kind === "run.step.started" || kind === "run.step.ended");
  const body = RunStepStartedBody.safeParse(last?.body).data;
  return body === undefined ? null : placeOf(body);
}

function placeOf({ index, kind, attempt }: RunPlace): RunPlace {
  return { index, kind, attempt };
}

function endOf(report: RunFacts["report"]): Told["ended"] {
  if (report?.outcome === undefined) return undefined;
  const { outcome, index, code, message } = report;
  return {
    ...{ outcome, index },
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  };
}

const stateOf = { succeeded: "Succeeded", failed: "Failed", cancelled: "Cancelled" } as const;

function endedHead(head: RunHead, ended: NonNullable<Told["ended"]>, now: number): RunHead {
  const { outcome, code = null, message = null } = ended;
  const state = stateOf[outcome];
  return { ...head, state, endedAt: now, code, message, isStanding: false };
}

/** What was said of a run that is over stays, and only its order may go; but where the hub gave a silent device up,
 *  what that device did before it heard of it counts. */
function settled(head: RunHead, told: Told, now: number): RunHead {
  const { ended } = told;
  if (!head.isStanding || ended === undefined) return head;
  const isGivenUp = head.state === "Failed" && ended.outcome !== "cancelled";
  if (!isGivenUp) return { ...head, isStanding: false };
  const late = `it ended before the device was heard of again (${head.message})`;
  const message = ended.message === undefined ? late : `${ended.message}; ${late}`;
  const { startedAt, heardAt, step } = told;
  const known = {
    startedAt: head.startedAt ?? startedAt,
    heardAt: heardAt ?? head.heardAt,
    step: step ?? head.step,
  };
  return endedHead({ ...head, ...known }, { ...ended, message }, now);
}

/** The order stands, as a cancelled one: a device that comes back must not begin. */
function silentHead({ rules }: Run, head: RunHead, now: number): RunHead {
  const over = { ...head, endedAt: now };
  if (head.state === "Pending" && rules.silence === "accept") {
    const message = "the device did not answer and is taken as gone; nothing was done on it";
    // Where its identity ends too, no order could reach it any more.
    const isStanding = rules.after !== "RMA";
    return { ...over, state: "Succeeded", message, isStanding };
  }
  const message =
    head.state === "Pending"
      ? `the device did not begin within ${startInWords(rules)}`
      : `the device has not been heard of for ${words(now - (head.heardAt ?? now))}`;
  return { ...over, state: "Failed", code: "step_timeout", message };
}

/** Whoever looks once a minute or more often hears of a run at once, as far as people care. */
function startInWords({ startWithinMs, pollMs = 0 }: Run["rules"]): string {
  const within = words(startWithinMs);
  return pollMs <= 60_000 ? within : `${within} of a poll, and it polls every ${words(pollMs)}`;
}

function words(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** A device that sleeps hears of the run at its next poll, and after an absence at the one after that. */
function startDeadline(
  { startWithinMs, pollMs = 0 }: Run["rules"],
  orderedAt: number,
  absences: readonly Absence[],
): number {
  return deadlineAfter(orderedAt, startWithinMs + pollMs, absences, Math.max(returnMs, pollMs));
}

/** Between two steps the longer of both counts. */
function deadlineOf(
  { head, steps, rules, orderedAt }: Run,
  loggedAt: number,
  absences: readonly Absence[],
): number {
  if (head.state === "Pending") return startDeadline(rules, orderedAt, absences);
  const at = head.step?.index ?? 0;
  const times = [steps[at], steps[at + 1]].map((step) => step?.timeoutMs ?? 0);
  const from = Math.max(head.heardAt ?? head.startedAt ?? orderedAt, loggedAt);
  return deadlineAfter(from, Math.max(...times) + graceMs, absences);
}

function changedHead(before: RunHead, after: RunHead): RunHead {
  return JSON.stringify(before) === JSON.stringify(after) ? before : after;
}
