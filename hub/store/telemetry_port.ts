// The part of the store port that counts what workloads say of themselves.
import type { AppName } from "#shared/ids.ts";
import type { WorkloadCounts } from "#shared/telemetry.ts";

/** Copies of one app's services at one site. Those of a device that is not Online are unknown. */
export interface SiteAppWorkloads extends WorkloadCounts {
  /** Null for devices without the label. */
  site: string | null;
  app: AppName;
}

export interface TelemetryStore {
  /** By site, then by app. `changeDevices` writes them with the report that they came in. */
  workloadCounts(): Promise<SiteAppWorkloads[]>;
}
