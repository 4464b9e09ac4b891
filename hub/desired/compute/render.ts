// What a deployment is on one device in one state of the fleet; pure.
import { editedValues } from "#hub/control/compute/edits.ts";
import type { DeviceEdits } from "#hub/control/overrides.ts";
import {
  type BranchSnapshot,
  type Deployment,
  entryOf,
  type FleetSnapshot,
  type RoleRelease,
} from "#hub/release/model.ts";
import type { AppSpec } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { type Place, valuesOf } from "./values.ts";

/** Everything that a rendering is made of. */
export interface Source {
  deployment: Deployment;
  branch: BranchSnapshot;
  release: RoleRelease;
}

/** Undefined while the deployment, its branch or its role is not there. */
export function sourceOf(fleet: FleetSnapshot, name: string): Source | undefined {
  const main = entryOf(fleet.branches, fleet.defaultBranch);
  const deployment = main?.deployments.find((one) => one.name === name);
  if (deployment === undefined) return undefined;
  const branch = entryOf(fleet.branches, deployment.branch);
  const release = branch === undefined ? undefined : entryOf(branch.roles, deployment.role);
  return branch === undefined || release === undefined
    ? undefined
    : { deployment, branch, release };
}

/** The app without its rules, which are no part of the revision. */
export function render({ deployment, branch, release }: Source, device: RenderedDevice): AppSpec {
  const { role, digest, size, policy } = release;
  return {
    name: deployment.name,
    release: { digest, size, role, commit: branch.commit, branch: branch.branch },
    values: valuesOf(branch, deployment, placeOf(device)),
    policy,
  };
}

/** What a rendering asks of a device. */
export interface RenderedDevice {
  id: DeviceId;
  /** Effective labels. */
  labels: Labels;
  edits: DeviceEdits;
}

export function placeOf({ id, labels, edits }: RenderedDevice): Place {
  return { site: labels["site"], device: id, edited: editedValues(edits) };
}
