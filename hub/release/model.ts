// The fleet as the repository describes it at one commit, parsed and validated.
import type { AppPolicy } from "#shared/desired.ts";
import type { AppName, DeviceId, Digest, Labels, Values } from "#shared/ids.ts";
import type { Selector } from "#shared/selector.ts";

export interface Deployment {
  name: AppName;
  selector: Selector;
  role: string;
  /** Where the role and the values come from; the deployment itself stands in the default branch. */
  branch: string;
  values: Values;
}

/** A role's content at a commit, already bundled. */
export interface RoleRelease {
  role: string;
  digest: Digest;
  size: number;
  values: Values;
  policy: AppPolicy;
}

/** One branch at one accepted commit. */
export interface BranchSnapshot {
  branch: string;
  commit: string;
  /** Values of fleet.yaml, for every device. */
  values: Values;
  deployments: Deployment[];
  sites: Readonly<Record<string, { values: Values }>>;
  devices: Readonly<Record<DeviceId, { labels: Labels; values: Values }>>;
  roles: Readonly<Record<string, RoleRelease>>;
}

/** Accepted snapshots by branch. */
export interface FleetSnapshot {
  defaultBranch: string;
  branches: Readonly<Record<string, BranchSnapshot>>;
}

/** The entry of a map that came from a file: names such as `constructor` find nothing by themselves. */
export function entryOf<T>(
  map: Readonly<Record<string, T>>,
  key: string | undefined,
): T | undefined {
  return key !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}
