// Totals of what workloads say, for the fleet, each site and each app. Pure.
import type { SiteAppWorkloads } from "#hub/store/telemetry_port.ts";
import type { AppName } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { Connection } from "#shared/status.ts";
import {
  type AppWorkloads,
  addCounts,
  noWorkloads,
  type WorkloadCounts,
} from "#shared/telemetry.ts";

export interface SiteWorkloads extends WorkloadCounts {
  site: string;
}

/** The fleet's counts, and the same by site and by app. */
export interface FleetWorkloads extends WorkloadCounts {
  /** Devices without the label `site` are in the fleet's counts alone. */
  sites: SiteWorkloads[];
  apps: AppWorkloads[];
}

export function totalsOf(rows: readonly SiteAppWorkloads[]): FleetWorkloads {
  const labelled = rows.filter(
    (row): row is SiteAppWorkloads & { site: string } => row.site !== null,
  );
  return {
    ...sum(rows),
    sites: groups(labelled, ({ site }) => site).map(([site, counts]) => ({ site, ...counts })),
    apps: groups(rows, ({ app }) => app).map(([app, counts]) => ({ app, ...counts })),
  };
}

/** One device's own, by app. While it is not heard nobody knows how its copies are. */
export function deviceWorkloads(
  reported: Pick<ReportedState, "telemetry"> | null,
  connection: Connection,
): WorkloadCounts & { apps: AppWorkloads[] } {
  const apps = (reported?.telemetry?.apps ?? []).map((counts) =>
    connection === "Online" ? counts : unheard(counts.app, counts.total),
  );
  return { ...sum(apps), apps };
}

function unheard(app: AppName, total: number): AppWorkloads {
  return { app, ...noWorkloads(), total, unknown: total };
}

function sum(rows: readonly WorkloadCounts[]): WorkloadCounts {
  return rows.reduce(addCounts, noWorkloads());
}

function groups<R extends WorkloadCounts, K extends string>(
  rows: readonly R[],
  keyOf: (row: R) => K,
): [K, WorkloadCounts][] {
  const byKey = Map.groupBy(rows, keyOf);
  return [...byKey.keys()].toSorted().map((key) => [key, sum(byKey.get(key) ?? [])]);
}
