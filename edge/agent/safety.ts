// Keeps the device out of trouble: decides each round whether it is in safe mode and what serves there.
import type { AppInput } from "#edge/plan/input.ts";
import { safeStackName } from "#edge/plan/resting.ts";
import {
  type DiskRoom,
  decideSafeMode,
  type FinishedAttempt,
  inNoSafeMode,
  type Order,
  recentStarts,
  type SafeFacts,
  type SafeState,
  type Stance,
  type Start,
  stanceOf,
} from "#edge/plan/safe_mode.ts";
import type { DesiredState } from "#shared/desired.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { EventBody } from "#shared/journal.ts";
import type { ReportedState, SafeModeReport } from "#shared/reported.ts";
import type { AgentParts } from "./parts.ts";
import { createSickness, servesNow } from "./sickness.ts";

/** More than three of each app of an ordinary device. */
const lookedAtUpdates = 30;

export interface Safety {
  /** Before the first round: takes up what was kept, and counts this start. */
  begin(): void;
  /** Before each round. */
  decide(): Promise<void>;
  order(order: Order): void;
  stance(): Stance;
  /** After the report: what stays sick in safe mode is suspended.
   *  @returns whether something is to be done about it at once */
  weigh(apps: readonly AppInput[], reported: ReportedState): boolean;
  ended(how: "well" | "badly"): void;
  /** An attempt came to its end. */
  attemptEnded(): void;
  /** The agent stops as it should. */
  stopped(): void;
  report(): SafeModeReport | undefined;
  /** Ms within which something is to be decided, whatever the interval. */
  soonMs(): number;
}

interface Parts {
  parts: AgentParts;
  /** What failed of the app is tried again. */
  tryAgain(desired: DesiredState | undefined): void;
  /** The app rests, or does not any more. */
  onRest(app: AppName): void;
}

export function createSafety({ parts, tryAgain, onRest }: Parts): Safety {
  const { journal, clock, log } = parts;
  const orders: Order[] = [];
  const unwritten: { app?: AppName; event: EventBody }[] = [];
  const sickness = createSickness();
  let state: SafeState = inNoSafeMode;
  let starts: Start[] = [];
  let areStartsKept = true;
  let failedStarts = 0;
  let isProved = false;
  let wellSinceMs: number | undefined;
  let finished: FinishedAttempt[] | undefined;
  let serves: SafeModeReport["serves"] = "lastGood";

  /** A full disk may refuse it now; it is written as soon as there is room. */
  const write = (): void => {
    try {
      journal.remember("safeMode", state === inNoSafeMode ? undefined : state);
      for (let next = unwritten[0]; next !== undefined; next = unwritten[0]) {
        const { app, event } = next;
        journal.append({
          kind: "event",
          body: { ...event },
          ...(app === undefined ? {} : { app }),
        });
        unwritten.shift();
      }
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      log.error({ code, why: sentence }, "safe mode could not be journalled");
    }
  };

  /** A start on a full disk is not counted, and is none to end for.
   *  @returns whether it is kept */
  const keepStarts = (list: Start[] | undefined): boolean => {
    try {
      journal.remember("starts", list);
      areStartsKept = true;
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      if (areStartsKept) log.warn({ code, why: sentence }, "this start could not be journalled");
      areStartsKept = false;
    }
    return areStartsKept;
  };

  const tell = (event: EventBody, app?: AppName): void => {
    unwritten.push({ event, ...(app === undefined ? {} : { app }) });
    log.warn({ reason: event.reason, ...(app === undefined ? {} : { app }) }, event.message);
  };

  const finishedAttempts = (): FinishedAttempt[] => {
    finished ??= journal
      .updates({ limit: lookedAtUpdates })
      .filter(({ app }) => app !== safeStackName);
    return finished;
  };

  const factsNow = (desired: DesiredState | undefined, disk: DiskRoom | undefined): SafeFacts => ({
    wallMs: clock.now(),
    hubMode: desired?.mode ?? "run",
    ...(disk === undefined ? {} : { disk }),
    finished: finishedAttempts(),
    failedStarts,
    ...(journal.volatile === undefined ? {} : { volatile: journal.volatile.sentence }),
  });

  const obey = (order: Order, facts: SafeFacts, desired: DesiredState | undefined): void => {
    if (order.kind === "again") tryAgain(desired);
    turn({ ...facts, order });
    if (order.kind === "enter") return;
    failedStarts = 0;
    starts = starts.slice(-1);
    if (!isProved) keepStarts(starts);
  };

  const turn = (facts: SafeFacts): void => {
    const { state: next, event } = decideSafeMode(state, facts);
    if (state.entered !== undefined && next.entered === undefined) {
      for (const app of state.suspended) onRest(app);
      sickness.forget();
    }
    state = next;
    if (event !== undefined) tell(event);
  };

  /** Another number than the last honoured one, whatever it is. */
  const orderOf = (desired: DesiredState | undefined): Order | undefined => {
    const retry = desired?.retry;
    return retry === undefined || retry === journal.recall("honouredRetry")
      ? undefined
      : { kind: "again" };
  };

  const decide = async (): Promise<void> => {
    const disk = await parts.diskRoom().catch(() => undefined);
    const desired = journal.desired();
    const fromHub = orderOf(desired);
    try {
      for (const order of [...orders.splice(0), ...(fromHub === undefined ? [] : [fromHub])]) {
        obey(order, factsNow(desired, disk), desired);
      }
    } finally {
      // What a full disk refuses is obeyed later, but that the disk is full is seen now.
      turn(factsNow(desired, disk));
      write();
    }
    // Only now: a crash before it obeys again, which changes nothing.
    if (fromHub !== undefined) journal.remember("honouredRetry", desired?.retry);
  };

  const suspend = (app: AppName): void => {
    state = { ...state, suspended: [...state.suspended, app] };
    onRest(app);
    const message = `${app} did not become healthy in safe mode, so it was stopped`;
    tell({ type: "Warning", reason: "AppSuspended", message }, app);
  };

  return {
    begin: () => {
      state = journal.recall("safeMode") ?? inNoSafeMode;
      const now = {
        bootId: journal.bootId,
        monotonicMs: clock.monotonicMs(),
        at: clock.now(),
      };
      const before = recentStarts(journal.recall("starts") ?? [], now);
      failedStarts = before.length;
      starts = [...before, now];
      keepStarts(starts);
    },
    // Whatever keeps it from deciding must not keep the loop from repairing.
    decide: () =>
      decide().catch((error: unknown) => {
        const { code, sentence } = asFleetError(error);
        log.error({ code, why: sentence }, "safe mode was not decided");
      }),
    order: (order) => void orders.push(order),
    stance: () => stanceOf(state),
    weigh: (apps, reported) => {
      if (state.entered === undefined) return false;
      const sick = sickness.weigh(apps, reported);
      for (const app of sick) suspend(app);
      serves = servesNow(apps, stanceOf(state));
      if (sick.length > 0) write();
      return sick.length > 0;
    },
    ended: (how) => {
      const nowMs = clock.monotonicMs();
      wellSinceMs = how === "well" ? (wellSinceMs ?? nowMs) : undefined;
      if (isProved || wellSinceMs === undefined) return;
      if (nowMs - wellSinceMs < parts.settings().healthyAfterMs) return;
      isProved = keepStarts(undefined);
    },
    attemptEnded: () => {
      finished = undefined;
    },
    stopped: () => {
      if (!isProved) keepStarts(starts.slice(0, -1));
    },
    report: () => (state.entered === undefined ? undefined : { ...state.entered, serves }),
    soonMs: () => {
      const unproved = isProved ? Number.POSITIVE_INFINITY : parts.settings().healthyAfterMs;
      return Math.min(unproved, sickness.soonMs(clock.monotonicMs()));
    },
  };
}
