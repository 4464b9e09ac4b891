// What the fleet repository wants of one device; pure.
import {
  type BranchSnapshot,
  type Deployment,
  entryOf,
  type FleetSnapshot,
} from "#hub/release/model.ts";
import { byCodeUnit } from "#shared/canonical.ts";
import { type AppSpec, type DesiredContent, revisionOf } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { matches } from "#shared/selector.ts";
import { valuesOf } from "./values.ts";

interface Device {
  id: DeviceId;
  /** Effective labels. */
  labels: Labels;
}

/** The labels that count: the agent's, overridden by devices/<id>.yaml of the default branch. Pure. */
export function effectiveLabels(fleet: FleetSnapshot, id: DeviceId, agentLabels: Labels): Labels {
  const declared = entryOf(fleet.branches, fleet.defaultBranch)?.devices;
  return { ...agentLabels, ...(declared === undefined ? {} : entryOf(declared, id)?.labels) };
}

/** The desired state of a device, apps by name. Pure.
 *  An app that cannot be rendered now (its branch or role is gone) stays as it was: an outage of the
 *  repository takes nothing from a device.
 *  @param previous what was wanted before: an app that means the same keeps the commit that changed it */
export function compute(
  fleet: FleetSnapshot,
  device: Device,
  previous: DesiredContent | undefined,
): DesiredContent {
  const deployments = entryOf(fleet.branches, fleet.defaultBranch)?.deployments ?? [];
  const apps = deployments
    .filter(({ selector }) => matches(selector, device.labels))
    .flatMap((deployment) => {
      const before = previous?.apps.find(({ name }) => name === deployment.name);
      return appOf(entryOf(fleet.branches, deployment.branch), deployment, device, before);
    })
    .toSorted((a, b) => byCodeUnit(a.name, b.name));
  return { device: device.id, mode: previous?.mode ?? "run", apps };
}

function appOf(
  branch: BranchSnapshot | undefined,
  deployment: Deployment,
  device: Device,
  before: AppSpec | undefined,
): AppSpec[] {
  const release = branch === undefined ? undefined : entryOf(branch.roles, deployment.role);
  if (branch === undefined || release === undefined) return before === undefined ? [] : [before];
  const { role, digest, size, policy } = release;
  const place = { site: device.labels["site"], device: device.id };
  const app: AppSpec = {
    name: deployment.name,
    release: { digest, size, role, commit: branch.commit, branch: branch.branch },
    values: valuesOf(branch, deployment, place),
    policy,
  };
  return before !== undefined && revisionOf(before) === revisionOf(app) ? [before] : [app];
}
