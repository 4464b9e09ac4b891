// The agent's Prometheus metrics, as typed functions that the loop calls.
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HostHealth } from "#shared/beat.ts";
import type { RuntimeName } from "#shared/reported.ts";
import type { HealthStatus, SyncStatus } from "#shared/status.ts";
import { type AppWorkloads, TelemetryState } from "#shared/telemetry.ts";

const prefix = "metrica_fleet_agent_";

export interface AppState {
  sync: SyncStatus;
  health: HealthStatus;
}

export interface ServiceRestarts {
  app: string;
  service: string;
  /** Of all instances that are there now. */
  restarts: number;
}

export interface AgentMetrics {
  setInfo(info: { device: string; version: string }): void;
  observeLoop(durationMs: number): void;
  /** @param outcome `ok`, or the code of the error */
  countStep(kind: string, outcome: string): void;
  /** @param outcome as an attempt's, e.g. `rolledBack` */
  countUpdate(outcome: string): void;
  countRuntimeCall(runtime: RuntimeName, call: string, added: number): void;
  setApps(apps: readonly AppState[]): void;
  setRestarts(services: readonly ServiceRestarts[]): void;
  setWorkloads(apps: readonly AppWorkloads[]): void;
  setGeneration(generation: number): void;
  setConnected(connected: boolean): void;
  setJournalUnacknowledged(entries: number): void;
  setHost(host: HostHealth): void;
  /** Prometheus' text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** A registry of its own: several agents may live in one process. */
export function createAgentMetrics(): AgentMetrics {
  const registry = new Registry();
  const loop = createLoopMetrics(registry);
  const state = createStateMetrics(registry);
  const setHost = createHostMetrics(registry);
  addProcessMetrics(registry);
  return {
    ...loop,
    ...state,
    setHost,
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type LoopMetrics = Pick<
  AgentMetrics,
  "observeLoop" | "countStep" | "countUpdate" | "countRuntimeCall"
>;

function createLoopMetrics(registry: Registry): LoopMetrics {
  const duration = new Histogram({
    name: `${prefix}loop_duration_seconds`,
    help: "Time that one loop took, its step included.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers: [registry],
  });
  const steps = counter(registry, "steps_total", "Steps done, by kind and by outcome.", [
    "kind",
    "outcome",
  ]);
  const updates = counter(registry, "updates_total", "Updates ended, by outcome.", ["outcome"]);
  const calls = counter(registry, "runtime_calls_total", "Calls to a runtime, by kind of call.", [
    "runtime",
    "call",
  ]);
  return {
    observeLoop: (durationMs) => duration.observe(durationMs / 1000),
    countStep: (kind, outcome) => steps.inc({ kind, outcome }),
    countUpdate: (outcome) => updates.inc({ outcome }),
    countRuntimeCall: (runtime, call, added) => calls.inc({ runtime, call }, added),
  };
}

type StateMetrics = Pick<
  AgentMetrics,
  | "setInfo"
  | "setApps"
  | "setRestarts"
  | "setWorkloads"
  | "setGeneration"
  | "setConnected"
  | "setJournalUnacknowledged"
>;

function createStateMetrics(registry: Registry): StateMetrics {
  const info = gauge(registry, "info", "1, with the device and the agent's version.", [
    "device",
    "version",
  ]);
  const apps = gauge(registry, "apps", "Apps by sync and health status.", ["sync", "health"]);
  const restarts = gauge(
    registry,
    "service_restarts",
    "Restarts of the service's present instances.",
    ["app", "service"],
  );
  const setWorkloads = createWorkloadMetrics(registry);
  const generation = gauge(registry, "generation", "Generation of the desired state kept here.");
  const connected = gauge(registry, "connected", "1 while the hub is reached, else 0.");
  const waiting = gauge(
    registry,
    "journal_unacknowledged_entries",
    "Journal entries that the hub has not acknowledged.",
  );
  return {
    setInfo: (labels) => info.set({ ...labels }, 1),
    setApps: (all) => {
      apps.reset();
      for (const { sync, health } of all) apps.inc({ sync, health });
    },
    setRestarts: (all) => {
      restarts.reset();
      for (const { app, service, restarts: count } of all) restarts.set({ app, service }, count);
    },
    setWorkloads,
    setGeneration: (number) => generation.set(number),
    setConnected: (is) => connected.set(is ? 1 : 0),
    setJournalUnacknowledged: (entries) => waiting.set(entries),
  };
}

/** By app and state: what a workload calls its own is no label. */
function createWorkloadMetrics(registry: Registry): AgentMetrics["setWorkloads"] {
  const workloads = gauge(registry, "workloads", "Copies of services by what they last said.", [
    "app",
    "state",
  ]);
  const low = gauge(
    registry,
    "workloads_low_battery",
    "Copies of services whose battery is below a fifth of its charge.",
    ["app"],
  );
  return (apps) => {
    for (const each of [workloads, low]) each.reset();
    for (const { app, ...counts } of apps) {
      for (const state of TelemetryState.options) workloads.set({ app, state }, counts[state]);
      low.set({ app }, counts.low_battery);
    }
  };
}

function createHostMetrics(registry: Registry): AgentMetrics["setHost"] {
  const cpu = gauge(registry, "host_cpu_ratio", "Share of all cores in use, from 0 to 1.");
  const load = gauge(registry, "host_load1", "Load average of one minute.");
  const memory = gauge(registry, "host_memory_used_bytes", "Memory in use.");
  const memorySize = gauge(registry, "host_memory_size_bytes", "Memory that the machine has.");
  const disk = gauge(registry, "host_disk_used_bytes", "Disk in use where the data lies.");
  const diskSize = gauge(registry, "host_disk_size_bytes", "Size of the disk where the data lies.");
  const uptime = gauge(registry, "host_uptime_seconds", "Time since the machine booted.");
  const heat = gauge(registry, "host_temperature_celsius", "Temperature of the processor.");
  // Without a sensor there is no sample, and not one of 0 degrees.
  heat.remove();
  return (host) => {
    cpu.set(host.cpu);
    load.set(host.load1);
    memory.set(host.memoryUsedBytes);
    memorySize.set(host.memoryTotalBytes);
    disk.set(host.diskUsedBytes);
    diskSize.set(host.diskTotalBytes);
    uptime.set(host.uptimeSeconds);
    if (host.temperatureC === undefined) heat.remove();
    else heat.set(host.temperatureC);
  };
}

/** Read when they are asked for. prom-client's own set has gauges named like counters, which promtool
 *  refuses. */
function addProcessMetrics(registry: Registry): void {
  new Gauge({
    name: `${prefix}process_resident_memory_bytes`,
    help: "Memory of the agent's own process.",
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: `${prefix}process_cpu_seconds_total`,
    help: "Processor time of the agent's own process.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[],
): Counter<L> {
  return new Counter({ name: `${prefix}${name}`, help, labelNames, registers: [registry] });
}

function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: L[] = [],
): Gauge<L> {
  return new Gauge({ name: `${prefix}${name}`, help, labelNames, registers: [registry] });
}
