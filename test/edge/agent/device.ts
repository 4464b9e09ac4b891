// What a test can do to the device under test, and see of it.
import type { Agent } from "#edge/agent/agent.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { DiskRoom } from "#edge/plan/safe_mode.ts";
import type { StagedRevision } from "#edge/release/port.ts";
import type { MemoryForwarder } from "#edge/runtime/forward/memory.ts";
import type { MemoryOutcome, MemoryRuntime } from "#edge/runtime/memory.ts";
import type { SyncStatusNow } from "#edge/sync/port.ts";
import type { AppSpec, DesiredMode, DesiredState } from "#shared/desired.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import type { Hub, Wanted } from "./bundles.ts";
import type { FastClock } from "./clock.ts";
import type { MemoryMachine } from "./machine.ts";

type ProbeResults = Awaited<ReturnType<AgentParts["runProbes"]>>;

export interface Device {
  /** The agent's data directory. */
  directory: string;
  runtime: MemoryRuntime;
  forwarder: MemoryForwarder;
  /** What runs do to the device. */
  machine: MemoryMachine;
  /** For services with `x-fleet: { runtime: process }`. */
  processes: MemoryRuntime;
  /** What sync says of its connection. */
  link: SyncStatusNow;
  hub: Hub;
  clock: FastClock;
  reports: ReportedState[];
  warnings: string[];
  /** Moments at which something current was not whole. */
  faults: string[];
  disk: DiskRoom;
  /** Absent: no workload says anything. */
  telemetry?: NonNullable<AgentParts["telemetry"]>;
  /** Of the agent that starts next: what no download takes of the real disk. */
  reserveBytes: number;
  /** The agent that starts next looks after the files of its releases. */
  caring?: boolean;
  probes(letter: string): Promise<ProbeResults> | ProbeResults;
  validate: AgentParts["runValidateHook"];
  ask(serving: StagedRevision): Promise<void>;
  /** What becomes of a copy of `web` with this letter. */
  behave(letter: string, outcome: MemoryOutcome): void;
  /** Something happens that needs no act. */
  nudge(): void;
  /** Makes a call of the runtime wait. */
  slowly(call: "remove", gate: Promise<void>): void;
  /** Journal, bundles and releases are gone; what runs goes on. */
  loseDirectory(): void;
  journal(): Journal;
  boot(id: string): void;
  start(): void;
  /** The process ends, perhaps some port calls later; what runs on the device goes on running. */
  kill(afterCalls?: number): Promise<void>;
  stop(): Promise<void>;
  wish(
    specs: AppSpec[],
    mode?: DesiredMode,
    more?: Pick<DesiredState, "retry" | "safeStack" | "run">,
  ): void;
  /** Wishes one app by a release of its own. */
  want(wanted: Wanted): AppSpec;
  app(name?: string): AppReport | undefined;
  /** What the page's buttons reach. */
  agent(): Agent;
  reported(): ReportedState | undefined;
  until(what: string, holds: () => boolean): Promise<void>;
  /** Until the app runs exactly what the spec says. */
  converged(spec: AppSpec): Promise<void>;
  /** Until an update of the revision has ended so. */
  ended(spec: AppSpec, outcome: string): Promise<void>;
  /** Until so much time has passed on the device. */
  passed(ms: number): Promise<void>;
  /** Ids of the running copies by `service.index`. */
  copies(): Promise<Record<string, string>>;
  current(name?: string): string | undefined;
  close(): Promise<void>;
}
