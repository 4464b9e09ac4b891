// What the loop is made of: the ports that main wires together.
import type { Journal } from "#edge/journal/port.ts";
import type { AgentMetrics } from "#edge/page/metrics.ts";
import type { ProbeRound } from "#edge/plan/input.ts";
import type { DiskRoom } from "#edge/plan/safe_mode.ts";
import type { ReleaseStore, StagedRevision } from "#edge/release/port.ts";
import type { Machine } from "#edge/run/port.ts";
import type { Forwarder } from "#edge/runtime/forward/forwarder.ts";
import type { ResolvedApp, Runtime } from "#edge/runtime/port.ts";
import type { Sync } from "#edge/sync/port.ts";
import type { WorkloadTelemetry } from "#edge/telemetry/telemetry.ts";
import type { HostHealth } from "#shared/beat.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName, DeviceId, Labels } from "#shared/ids.ts";
import type { HostReport, RuntimeName } from "#shared/reported.ts";
import type { Probe } from "#shared/role.ts";
import type { LoopWatch } from "./watchdog.ts";

/** A revision read from the disk, ready to run, with the role's probes for this device. */
export interface Resolved {
  staged: StagedRevision;
  app: ResolvedApp;
  probes: Probe[];
  warnings: string[];
}

/** Settings that may change while the agent runs. */
export interface LoopSettings {
  /** Ms between loops over a converged device. */
  intervalMs: number;
  heartbeatMs: number;
  labels: Labels;
  /** For so long, in ms, rounds must end well before a start of the agent counts as good. */
  healthyAfterMs: number;
}

export interface Log {
  info(detail: Record<string, unknown>, message: string): void;
  warn(detail: Record<string, unknown>, message: string): void;
  error(detail: Record<string, unknown>, message: string): void;
}

export type LoopMetrics = Pick<
  AgentMetrics,
  | "observeLoop"
  | "countStep"
  | "countUpdate"
  | "countRuntimeCall"
  | "setApps"
  | "setRestarts"
  | "setWorkloads"
  | "setGeneration"
  | "setConnected"
  | "setJournalUnacknowledged"
  | "setHost"
>;

export interface AgentParts {
  device: DeviceId;
  settings(): LoopSettings;
  journal: Journal;
  releases: ReleaseStore;
  /** Looks after disk and files before each round; never throws. */
  care?: { round(): Promise<void> };
  runtimes: readonly Runtime[];
  /** Holds the published ports of services that are handed over. */
  forwarder: Forwarder;
  sync: Sync;
  /** What runs do to it. */
  machine: Machine;
  /** What workloads say of themselves. */
  telemetry?: Pick<WorkloadTelemetry, "observe" | "workloads" | "digest">;
  /** Reads and resolves a revision; cached by the caller's side, so cheap when repeated.
   *  @throws FleetError with the reason why it cannot run here */
  resolve(app: StagedRevision): Resolved;
  runProbes(resolved: Resolved): Promise<ProbeRound["results"]>;
  /** @throws FleetError role_rejected, interrupted */
  runValidateHook(staged: StagedRevision, options: { signal: AbortSignal }): Promise<void>;
  /** Whether the app lets the release that serves be replaced now.
   *  @throws FleetError update_held, interrupted */
  askApp(serving: StagedRevision, options: { signal: AbortSignal }): Promise<void>;
  /** The Compose project name of an app on this device. */
  projectOf(app: AppName): string;
  describeHost(): Promise<Omit<HostReport, "runtimes" | "agentVersion" | "metricsAddress">>;
  sampleHost(): Promise<HostHealth>;
  diskRoom(): Promise<DiskRoom>;
  metricsAddress(): string | undefined;
  agentVersion: string;
  runtimeNames: RuntimeName[];
  /** How many calls of each kind the runtimes have made. */
  runtimeCalls(): { runtime: RuntimeName; call: string; total: number }[];
  clock: Clock;
  /** Fed by the loop. */
  watch: LoopWatch;
  /** Uniform in [0, 1). */
  random(): number;
  randomId(): string;
  metrics: LoopMetrics;
  log: Log;
}
