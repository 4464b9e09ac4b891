// A run in the device's report, and in words for people.
import type { Cause } from "#shared/reported.ts";
import type { RunReport } from "#shared/run.ts";
import { presentStep, type RunState } from "./run.ts";

/** Pure. */
export function runReport(state: RunState): RunReport {
  const { order, startedAt, index, failed, trying, ended } = state;
  const last = Math.min(index, order.steps.length - 1);
  // Between two tries the last one is told, and after the last step that one.
  const tries = trying === undefined ? failed : failed + 1;
  return {
    id: order.id,
    plan: order.plan,
    startedAt,
    index: last,
    kind: order.steps[last]?.kind ?? "",
    attempt: Math.max(1, tries),
    ...(ended === undefined ? {} : { outcome: ended.outcome, endedAt: ended.at }),
    ...ended?.failure,
  };
}

/** What an open run is at, as the nearest cause of whatever is not as desired; undefined when none is open.
 *  Pure.
 *  @param waiting what the present step waits for */
export function whyRun(
  state: RunState | undefined,
  waiting: string | undefined,
): Cause | undefined {
  if (state === undefined || state.ended !== undefined) return undefined;
  const { order, index, failed, failure } = state;
  const kind = presentStep(state)?.kind;
  const step =
    kind === undefined ? "its end" : `step ${index + 1} of ${order.steps.length}, ${kind}`;
  const again = failed === 0 ? "" : `; try ${failed + 1}, since ${failure?.message ?? "it failed"}`;
  const detail = waiting === undefined ? "" : `: ${waiting}`;
  const message = `run ${order.id} of the plan ${order.plan} is at ${step}${detail}${again}`;
  return { reason: "RunUnderWay", message };
}
