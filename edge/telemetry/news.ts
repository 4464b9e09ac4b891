// Holds what the hub is told still for a while: workloads speak each second, and a report has a price.
import type { WorkloadReport } from "#shared/telemetry.ts";
import { content, countsOf, gist } from "./digest.ts";

/** A state that changed is told within this, and a value that changed within that. */
export const newsLimits = { statesMs: 10_000, valuesMs: 60_000 };

/** @returns the workloads as they are to be told now */
export function createNews(
  monotonicMs: () => number,
  limits = newsLimits,
): (workloads: WorkloadReport[]) => WorkloadReport[] {
  let told: WorkloadReport[] = [];
  let toldMs = Number.NEGATIVE_INFINITY;
  return (workloads) => {
    const ageMs = monotonicMs() - toldMs;
    if (isDue(told, workloads, ageMs, limits)) {
      told = workloads;
      toldMs = monotonicMs();
    }
    return told;
  };
}

function isDue(
  before: WorkloadReport[],
  after: WorkloadReport[],
  ageMs: number,
  { statesMs, valuesMs }: typeof newsLimits,
): boolean {
  if (ageMs < statesMs) return false;
  const [old, fresh] = [before, after].map((workloads) => ({
    apps: countsOf(workloads),
    workloads,
  })) as [Parameters<typeof gist>[0], Parameters<typeof gist>[0]];
  if (gist(old) !== gist(fresh)) return true;
  return ageMs >= valuesMs && content(old) !== content(fresh);
}
