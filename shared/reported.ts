// What a device says it has: the full reported state, sent on change.
import { z } from "zod";
import { DesiredMode } from "./desired.ts";
import { AppName, DeviceId, Digest, Labels, RevisionId } from "./ids.ts";
import { RunReport } from "./run.ts";
import { Condition, HealthStatus, SyncStatus } from "./status.ts";
import { TelemetryDigest } from "./telemetry.ts";

export const RuntimeName = z.enum(["docker", "process"]);
export type RuntimeName = z.infer<typeof RuntimeName>;

/** One running copy of a service. */
export const InstanceReport = z.object({
  /** Container id or, for a process, its pid as text. */
  id: z.string(),
  /** Counts from 1, as Compose numbers containers. */
  index: z.number().int().positive(),
  state: z.enum(["created", "running", "restarting", "exited", "paused", "dead"]),
  health: z.enum(["none", "starting", "healthy", "unhealthy"]),
  restarts: z.number().int().nonnegative(),
  /** Unix ms. */
  startedAt: z.number().int().exactOptional(),
  exitCode: z.number().int().exactOptional(),
});
export type InstanceReport = z.infer<typeof InstanceReport>;

export const ServiceReport = z.object({
  name: z.string(),
  health: HealthStatus,
  wanted: z.number().int().nonnegative(),
  ready: z.number().int().nonnegative(),
  image: z.string().exactOptional(),
  configHash: z.string(),
  runtime: RuntimeName,
  instances: z.array(InstanceReport),
});
export type ServiceReport = z.infer<typeof ServiceReport>;

/** A revision as a device knows it. */
export const RevisionReport = z.object({
  revision: RevisionId,
  digest: Digest,
  role: z.string(),
  commit: z.string(),
  branch: z.string(),
});
export type RevisionReport = z.infer<typeof RevisionReport>;

/** Why something was refused or rolled back, in one sentence and with its code. */
export const FailureReport = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().exactOptional(),
  at: z.number().int(),
});
export type FailureReport = z.infer<typeof FailureReport>;

/** One link of the chain "why not converged": the first is nearest, each next is why the one before holds. */
export const Cause = z.object({
  /** One CamelCase word for programs, e.g. `WindowClosed`. */
  reason: z.string(),
  message: z.string(),
});
export type Cause = z.infer<typeof Cause>;

export const SafeModeReport = z.object({
  cause: z.enum(["failedUpdates", "diskFull", "bootLoop", "journal", "hub", "hand"]),
  message: z.string(),
  /** Unix ms. */
  since: z.number().int(),
  /** What serves meanwhile: the last good releases, the fleet's safe-mode stack, or only the page. */
  serves: z.enum(["lastGood", "safeStack", "nothing"]),
});
export type SafeModeReport = z.infer<typeof SafeModeReport>;

export const AppReport = z.object({
  name: AppName,
  sync: SyncStatus,
  health: HealthStatus,
  /** What serves now; absent before the first release is live. */
  current: RevisionReport.exactOptional(),
  previous: RevisionReport.exactOptional(),
  /** What is wanted, when it is not what serves. */
  target: RevisionReport.exactOptional(),
  /** The step under way, e.g. `pull`, with its progress in [0, 1] where it is known. */
  step: z.string().exactOptional(),
  progress: z.number().min(0).max(1).exactOptional(),
  /** The last failure while it still holds the app back. */
  failure: FailureReport.exactOptional(),
  quarantined: z.array(RevisionId),
  /** When the step is tried again, Unix ms. */
  retryAt: z.number().int().exactOptional(),
  /** Why it is not converged; absent when it is. */
  why: z.array(Cause).exactOptional(),
  services: z.array(ServiceReport),
});
export type AppReport = z.infer<typeof AppReport>;

export const HostReport = z.object({
  hostname: z.string(),
  os: z.string(),
  arch: z.string(),
  kernel: z.string(),
  model: z.string(),
  agentVersion: z.string(),
  runtimes: z.array(RuntimeName),
  /** Where the device's own API can be scraped, e.g. `10.0.0.7:7090`; absent when it is local only. */
  metricsAddress: z.string().exactOptional(),
});
export type HostReport = z.infer<typeof HostReport>;

export const ReportedState = z.object({
  device: DeviceId,
  bootId: z.string(),
  /** Names the journal database; a reflashed Pi starts a new one. */
  epoch: z.string(),
  /** Unix ms by the device's clock. */
  at: z.number().int(),
  /** Ms since that boot: a report that comes late is known by it, whatever the clock did. */
  monotonicMs: z.number().exactOptional(),
  /** 0 before the first desired state. */
  observedGeneration: z.number().int().nonnegative(),
  specHash: z.string(),
  mode: DesiredMode,
  /** The labels of agent.yaml; the repository's devices/<id>.yaml overrides them. */
  labels: Labels,
  /** Ms between heartbeats, so that the hub knows when silence means something. */
  heartbeatMs: z.number().int().positive(),
  host: HostReport,
  apps: z.array(AppReport),
  conditions: z.array(Condition),
  /** Present while the device is in safe mode. */
  safeMode: SafeModeReport.exactOptional(),
  /** What the workloads say of themselves; absent while none does. */
  telemetry: TelemetryDigest.exactOptional(),
  /** The run under way, or the last one. */
  run: RunReport.exactOptional(),
});
export type ReportedState = z.infer<typeof ReportedState>;
