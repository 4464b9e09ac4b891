// What keeps a prepared release from replacing the one that serves: a lock, a closed window, a wrong clock.
import type { Cause } from "#shared/reported.ts";
import { nextOpening } from "#shared/window.ts";
import { clockFault, knownMs, timeText } from "./clock.ts";
import type { AppInput } from "./input.ts";

/** The wall clock may jump, so a closed window is looked at again after this long. */
const lookAgainMs = 60_000;

export interface Hold extends Cause {
  /** Ms since boot at which to look again; absent when only another wish ends it. */
  untilMs?: number;
}

/** Why what serves may not be replaced now; undefined when it may, or when nothing serves yet. Pure. */
export function holdOf(input: AppInput): Hold | undefined {
  if (input.forced === true) return undefined;
  return versionLock(input) ?? closedWindow(input);
}

/** Whether the app must stay at the version that it runs: then nothing is prepared either. Pure. */
export function versionLock(input: AppInput): Hold | undefined {
  const { target, current, nowMs, wallMs, forced } = input;
  const lock = target?.spec.rules?.lock;
  if (lock === undefined || current === undefined || forced === true) return undefined;
  const { reason, until } = lock;
  if (until === undefined) return { reason: "VersionLocked", message: `locked: ${reason}` };
  if (knownMs(input) >= until) return undefined;
  const doubt = wallMs < until ? "" : `; ${clockFault(input)}, and is not believed`;
  const message = `locked until ${timeText(until)}: ${reason}${doubt}`;
  return { reason: "VersionLocked", message, untilMs: nowMs + lookAgainMs };
}

function closedWindow(input: AppInput): Hold | undefined {
  const { target, current, nowMs, wallMs } = input;
  const windows = target?.spec.rules?.windows ?? [];
  if (windows.length === 0 || current === undefined) return undefined;
  const fault = clockFault(input);
  if (fault !== undefined) {
    const message = `${fault}, so no maintenance window can be told`;
    return { reason: "ClockWrong", message, untilMs: nowMs + lookAgainMs };
  }
  const opensAt = nextOpening(windows, wallMs);
  if (opensAt === undefined) return undefined;
  const message = `the maintenance window opens at ${timeText(opensAt)}`;
  const untilMs = nowMs + Math.min(opensAt - wallMs, lookAgainMs);
  return { reason: "WindowClosed", message, untilMs };
}
