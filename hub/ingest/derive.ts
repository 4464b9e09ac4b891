// What a device's report means: sync and health in one word each.
import type { ReportedState } from "#shared/reported.ts";
import { type HealthStatus, type SyncStatus, worstHealth, worstSync } from "#shared/status.ts";

/** What decides over a device's sync status. */
export interface SyncFacts {
  desiredGeneration: number;
  desiredHash: string | null;
  /** As the newest report or heartbeat says. */
  observedGeneration: number;
  observedHash: string | null;
  /** The newest full report; null before the first. */
  report: { generation: number; sync: SyncStatus } | null;
}

/** `Unknown` while nothing is wanted or nothing was reported; `OutOfSync` while the device has not
 *  observed what is wanted, or has and did not yet report on it. Pure. */
export function deriveSync(facts: SyncFacts): SyncStatus {
  const { desiredGeneration, observedGeneration, report } = facts;
  if (desiredGeneration === 0 || report === null) return "Unknown";
  if (observedGeneration < desiredGeneration) return "OutOfSync";
  if (facts.observedHash !== facts.desiredHash) return "OutOfSync";
  return report.generation === observedGeneration ? report.sync : "OutOfSync";
}

/** The worst of the apps. Pure. */
export function statusOf(reported: ReportedState): { sync: SyncStatus; health: HealthStatus } {
  return {
    sync: worstSync(reported.apps.map((app) => app.sync)),
    health: worstHealth(reported.apps.map((app) => app.health)),
  };
}
