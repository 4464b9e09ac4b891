// How long the loop may sleep when no app has anything to do at once; whatever happens wakes it earlier.
import { preparing } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import type { Step } from "#edge/plan/step.ts";
import type { AppName } from "#shared/ids.ts";

/** While a release is on trial or something is tried again. */
const busyMs = 300;
/** While something long goes on beside the loop, or nothing can be seen. */
const watchMs = 2000;

/** Ms until the next round. Pure. */
export function pauseMs(
  apps: readonly AppInput[],
  steps: ReadonlyMap<AppName, readonly Step[]>,
  intervalMs: number,
): number {
  const pauses = apps.map((input) => pauseOf(input, steps.get(input.app)?.[0], intervalMs));
  return Math.min(intervalMs, ...pauses);
}

function pauseOf(input: AppInput, step: Step | undefined, intervalMs: number): number {
  const { attempt, blind, nowMs } = input;
  if (step === undefined) return intervalMs;
  if (blind) return watchMs;
  if (step.kind === "wait" && step.untilMs !== undefined) {
    return Math.max(busyMs, Math.ceil(step.untilMs - nowMs));
  }
  if (attempt === undefined) return step.kind === "wait" ? intervalMs : busyMs;
  return preparing.has(attempt.stage) ? watchMs : busyMs;
}
