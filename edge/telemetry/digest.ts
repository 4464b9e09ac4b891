// What of the workloads' words goes to the hub: every count, and copies while there is room. Pure.
import { canonicalJson } from "#shared/canonical.ts";
import {
  type AppWorkloads,
  hasLowBattery,
  noWorkloads,
  type TelemetryDigest,
  type TelemetryState,
  type WorkloadReport,
} from "#shared/telemetry.ts";

/** The lower, the sooner a person has to know. */
const ranks: Record<TelemetryState, number> = { down: 0, degraded: 1, unknown: 2, operational: 4 };
const lowBatteryRank = 3;

/** Undefined when nothing was said, or when not even the counts fit.
 *  @param maxBytes of the digest's JSON */
export function digestOf(
  workloads: readonly WorkloadReport[],
  maxBytes: number,
): TelemetryDigest | undefined {
  if (workloads.length === 0) return undefined;
  const listed: WorkloadReport[] = [];
  const digest = { apps: countsOf(workloads), workloads: listed, omitted: workloads.length };
  let leftBytes = maxBytes - bytesOf(digest);
  if (leftBytes < 0) return undefined;
  for (const workload of workloads.toSorted((one, other) => rankOf(one) - rankOf(other))) {
    leftBytes -= bytesOf(workload) + 1;
    if (leftBytes < 0) break;
    listed.push(workload);
  }
  return { ...digest, omitted: workloads.length - listed.length };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function rankOf(workload: WorkloadReport): number {
  return hasLowBattery(workload) && workload.state === "operational"
    ? lowBatteryRank
    : ranks[workload.state];
}

export function countsOf(workloads: readonly WorkloadReport[]): AppWorkloads[] {
  const apps = new Map<string, AppWorkloads>();
  for (const workload of workloads) {
    const { app, state } = workload;
    const counts = apps.get(app) ?? { app, ...noWorkloads() };
    counts.total += 1;
    counts[state] += 1;
    if (hasLowBattery(workload)) counts.low_battery += 1;
    apps.set(app, counts);
  }
  return [...apps.values()];
}

/** What makes a difference to whoever watches a fleet: states, batteries that run low, and why. */
export function gist(workloads: readonly WorkloadReport[]): string {
  return canonicalJson(
    workloads.map((workload) => {
      const { app, service, instance, state, message = null } = workload;
      return [app, service, instance, state, message, hasLowBattery(workload)];
    }),
  );
}

/** The same words again are no news, and neither is time that passes. */
export function content(workloads: readonly WorkloadReport[]): string {
  return canonicalJson(workloads.map(({ at: _, uptimeSeconds: __, ...said }) => said));
}
