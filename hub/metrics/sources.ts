// What the metrics are read from: small views of the hub's parts, asked when someone scrapes.
import type { Bus } from "#hub/bus.ts";
import type { IngestCounters } from "#hub/ingest/counters.ts";
import type { LogCounts } from "#hub/logs/port.ts";
import type { Run } from "#hub/run/model.ts";
import type { Store } from "#hub/store/port.ts";

export interface MetricsSources {
  store: Pick<Store, "counts" | "branches" | "rolloutCounts" | "workloadCounts" | "cuts" | "stats">;
  /** Open MQTT connections. */
  broker: { connections(): number };
  ingest: { counters(): IngestCounters };
  repository: {
    status(): {
      /** Unix ms of the last fetch that worked. */
      fetchedAt?: number;
      /** Whether the last fetch worked. */
      reachable: boolean;
    };
  };
  /** Clients of the watch stream. */
  watch: { clients(): number };
  logs: { counts(): LogCounts };
  runs: {
    /** Those that go on, and perhaps others. */
    open(): readonly Pick<Run, "plan" | "head">[];
    /** By name. */
    plans(): ReadonlyMap<string, object>;
  };
  /** After the hub's store was lost or restored. */
  pause?: { state(): object | null };
  /** For the count of events; refused commits are among them. */
  bus?: Bus;
}
