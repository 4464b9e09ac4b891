// What the device says of itself locally, and whether its loop is alive.
import type { UpdateRecord } from "#edge/journal/port.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import type { SyncStatusNow } from "#edge/sync/port.ts";
import type { HostHealth } from "#shared/beat.ts";
import type { DesiredMode } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import type { AppReport, Cause, RuntimeName, SafeModeReport } from "#shared/reported.ts";
import type { RunReport } from "#shared/run.ts";
import type { Condition, HealthStatus, SyncStatus } from "#shared/status.ts";
import type { WorkloadReport } from "#shared/telemetry.ts";

/** An update under way. */
export type RunningUpdate = Pick<
  Attempt,
  "id" | "app" | "commit" | "stage" | "tries" | "startedAt" | "startedMonotonicMs" | "bootId"
>;

/** The disk on which the data directory lies. */
export interface DiskNow {
  usedBytes: number;
  /** What this agent may still write, the reserve included. */
  freeBytes: number;
  /** What no download takes. */
  reserveBytes: number;
}

/** The last deep check since the agent started. */
export interface DeepCheckNow {
  endedAgoMs: number;
  tookMs: number;
  /** What each check found or repaired, in words; [] when all was well. */
  findings: { check: string; text: string }[];
  /** Checks that could not be made. */
  failed: { check: string; code: string; message: string }[];
}

/** Answer of `GET /v1/status`. Times Unix ms unless a name says otherwise. */
export interface LocalStatus {
  device: DeviceId;
  hostname: string;
  labels: Labels;
  agentVersion: string;
  bootId: string;
  startedAt: number;
  at: number;
  /** 0 before the first desired state. */
  generation: number;
  specHash: string;
  mode: DesiredMode;
  /** The worst of all apps. */
  sync: SyncStatus;
  health: HealthStatus;
  runtimes: RuntimeName[];
  connection: Pick<SyncStatusNow, "connected" | "via" | "problem"> & {
    /** Ms since the hub was last heard; absent when it never was since boot. */
    lastContactAgoMs?: number;
  };
  apps: AppReport[];
  conditions: Condition[];
  host?: HostHealth;
  /** Newest first. */
  updates: UpdateRecord[];
  journalUnacknowledged: number;
  /** What enrolment waits for; absent once the device has an identity. */
  enrolling?: string;
  safeMode?: SafeModeReport;
  /** The run under way, or the last one; where it stands is the first of `why`. */
  run?: RunReport;
  /** Why the device as a whole is not converged, nearest cause first; an app comes with its name. */
  why?: Cause[];
  /** No hub for long; absent means no. */
  isolated?: boolean;
  running?: RunningUpdate[];
  disk?: DiskNow;
  /** What copies of services said of themselves; absent while none does. */
  workloads?: WorkloadReport[];
  /** Absent before the first one. */
  deepCheck?: DeepCheckNow;
  /** Newest first. */
  events?: JournalEntry[];
}

/** When the loop last came round. Ms since boot. */
export interface LoopPulse {
  /** End of the last loop, or the agent's start before the first one. */
  lastMonotonicMs: number;
  intervalMs: number;
  /** The longest that one step may take. */
  stepDeadlineMs: number;
  /** A step beside the loop that is over its limit, e.g. `start of web does not end`: the loop comes round
   *  all the same. */
  hung?: string | undefined;
}

export type Liveness = { alive: true } | { alive: false; reason: string };

/** The loop may be late by three intervals and one step, and no step beside it may hang. Pure. */
export function livenessOf(pulse: LoopPulse, nowMonotonicMs: number): Liveness {
  if (pulse.hung !== undefined) return { alive: false, reason: pulse.hung };
  const silentMs = nowMonotonicMs - pulse.lastMonotonicMs;
  const allowedMs = pulse.intervalMs * 3 + pulse.stepDeadlineMs;
  if (silentMs <= allowedMs) return { alive: true };
  const [silent, allowed] = [silentMs, allowedMs].map((ms) => Math.round(ms / 1000));
  return { alive: false, reason: `no loop has ended for ${silent} s; ${allowed} s are allowed` };
}
