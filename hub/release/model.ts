// The fleet as the repository describes it at one commit, parsed and validated.
import type { PlanBody } from "#hub/run/plan.ts";
import type { AppPolicy, Rhythm, UpdateRules } from "#shared/desired.ts";
import type { AppName, DeviceId, Digest, Labels, Values } from "#shared/ids.ts";
import type { Selector } from "#shared/selector.ts";
import type { MaintenanceWindow } from "#shared/window.ts";
import type { RolloutPolicy } from "./rollout_policy.ts";

/** The role whose app runs in safe mode when nothing else is healthy; no deployment may take its name. */
export const safeModeRole = "safe-mode" as AppName;

export interface Deployment {
  name: AppName;
  selector: Selector;
  role: string;
  /** Where the role and the values come from; the deployment itself stands in the default branch. */
  branch: string;
  values: Values;
  windows?: MaintenanceWindow[];
  lock?: NonNullable<UpdateRules["lock"]>;
  /** Absent: a new release goes to all devices at once. */
  rollout?: RolloutPolicy;
}

/** A role's content at a commit, already bundled. */
export interface RoleRelease {
  role: string;
  digest: Digest;
  size: number;
  values: Values;
  policy: AppPolicy;
  /** The role's own; what the fleet, a site or a device says goes before them. */
  rules: Pick<UpdateRules, "windows" | "maxHoldMs">;
  rhythm?: Rhythm;
}

export interface DeviceEntry {
  labels: Labels;
  values: Values;
  windows?: MaintenanceWindow[];
  /** By deployment. */
  locks?: Readonly<Record<string, NonNullable<UpdateRules["lock"]>>>;
}

/** One branch at one accepted commit. */
export interface BranchSnapshot {
  branch: string;
  commit: string;
  /** Values of fleet.yaml, for every device. */
  values: Values;
  deployments: Deployment[];
  sites: Readonly<Record<string, { values: Values; windows?: MaintenanceWindow[] }>>;
  devices: Readonly<Record<DeviceId, DeviceEntry>>;
  roles: Readonly<Record<string, RoleRelease>>;
  /** Absent in a snapshot that an earlier version stored. */
  plans?: Readonly<Record<string, PlanBody>>;
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
