// Holds what the hub is told still for a while: workloads speak each second, and a report has a price.
import type { WorkloadReport } from "#shared/telemetry.ts";
import { content, gist } from "./digest.ts";

/** A state that changed is told within this, and a value that changed within that. */
const limits = { statesMs: 10_000, valuesMs: 60_000 };

/** @returns the workloads as they are to be told now */
export function createNews(
  monotonicMs: () => number,
): (workloads: WorkloadReport[]) => WorkloadReport[] {
  let told: WorkloadReport[] = [];
  let toldMs = Number.NEGATIVE_INFINITY;
  return (workloads) => {
    const ageMs = monotonicMs() - toldMs;
    if (isDue(told, workloads, ageMs)) {
      told = workloads;
      toldMs = monotonicMs();
    }
    return told;
  };
}

function isDue(before: WorkloadReport[], after: WorkloadReport[], ageMs: number): boolean {
  if (ageMs < limits.statesMs) return false;
  if (gist(before) !== gist(after)) return true;
  return ageMs >= limits.valuesMs && content(before) !== content(after);
}
