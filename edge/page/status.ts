// What the device says of itself locally, and whether its loop is alive.
import type { UpdateRecord } from "#edge/journal/port.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import type { SyncStatusNow } from "#edge/sync/port.ts";
import type { HostHealth } from "#shared/beat.ts";
import type { DesiredMode } from "#shared/desired.ts";
import type { AppName, DeviceId, Labels } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import type { AppReport, RuntimeName, SafeModeReport } from "#shared/reported.ts";
import type { Condition, HealthStatus, SyncStatus } from "#shared/status.ts";

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
  /** No hub for long; absent means no. */
  isolated?: boolean;
  running?: RunningUpdate[];
  disk?: DiskNow;
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
  /** Steps that go on beside the loop: it comes round while one of them hangs. */
  underWay?: readonly { app: AppName; sinceMonotonicMs: number }[];
}

export type Liveness = { alive: true } | { alive: false; reason: string };

/** The loop may be late by three intervals and one step, and no app's step may outlast its deadline. Pure. */
export function livenessOf(pulse: LoopPulse, nowMonotonicMs: number): Liveness {
  const { lastMonotonicMs, intervalMs, stepDeadlineMs, underWay = [] } = pulse;
  const silentMs = nowMonotonicMs - lastMonotonicMs;
  const allowedMs = intervalMs * 3 + stepDeadlineMs;
  if (silentMs > allowedMs) return dead("no loop has ended", silentMs, allowedMs);
  for (const { app, sinceMonotonicMs } of underWay) {
    const tookMs = nowMonotonicMs - sinceMonotonicMs;
    if (tookMs > stepDeadlineMs) return dead(`a step of ${app} goes on`, tookMs, stepDeadlineMs);
  }
  return { alive: true };
}

function dead(what: string, tookMs: number, allowedMs: number): Liveness {
  const [took, allowed] = [tookMs, allowedMs].map((ms) => Math.round(ms / 1000));
  return { alive: false, reason: `${what} for ${took} s; ${allowed} s are allowed` };
}
