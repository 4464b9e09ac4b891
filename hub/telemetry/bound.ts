// Keeps the series of workloads few, whatever sites and apps a fleet has. Pure.
import type { SiteAppWorkloads } from "#hub/store/telemetry_port.ts";
import { addCounts, noWorkloads, type WorkloadCounts } from "#shared/telemetry.ts";

export interface Labelled {
  site: string;
  app: string;
  counts: WorkloadCounts;
}

export interface Bounded {
  groups: Labelled[];
  /** Groups that are summed up in one of the name `_other`. */
  omitted: number;
}

/** No label of a device and no app begins so. */
const other = "_other";

/** The largest groups have series of their own.
 *  @param max groups, the sum of the rest not among them */
export function boundGroups(rows: readonly SiteAppWorkloads[], max: number): Bounded {
  const largestFirst = rows.toSorted((one, another) => another.total - one.total);
  const groups = largestFirst
    .slice(0, max)
    .map(({ site, app, ...counts }) => ({ site: site ?? "", app, counts }));
  const rest = largestFirst.slice(max);
  if (rest.length === 0) return { groups, omitted: 0 };
  const counts = rest.reduce<WorkloadCounts>(addCounts, noWorkloads());
  return { groups: [...groups, { site: other, app: other, counts }], omitted: rest.length };
}
