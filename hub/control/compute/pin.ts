// Which pin holds on a device, and what of a commit it must keep to be rendered later; pure.
import type { Pin } from "#hub/control/overrides.ts";
import { sourceOf } from "#hub/desired/compute/render.ts";
import type { BranchSnapshot, FleetSnapshot } from "#hub/release/model.ts";
import type { AppName, DeviceId, Labels } from "#shared/ids.ts";
import { matches, type Selector } from "#shared/selector.ts";

/** A device with its effective labels. */
export interface Place {
  id: DeviceId;
  labels: Labels;
}

/** A pin whose selector was read. */
export interface ReadPin {
  pin: Pin;
  selector: Selector;
}

export function isPinnedBy({ pin, selector }: ReadPin, { id, labels }: Place): boolean {
  return (pin.device === undefined || pin.device === id) && matches(selector, labels);
}

/** The nearest: the device's own, then by labels, then the deployment's; of several as near the newest. */
export function pinOn<P extends ReadPin>(
  pins: readonly P[],
  deployment: AppName,
  device: Place,
): P | undefined {
  return pins
    .filter((one) => one.pin.deployment === deployment && isPinnedBy(one, device))
    .toSorted((a, b) => nearness(b.pin) - nearness(a.pin) || b.pin.id - a.pin.id)[0];
}

function nearness({ device, labelSelector }: Pin): number {
  if (device !== undefined) return 2;
  return labelSelector === undefined ? 0 : 1;
}

/** As much of a state of the fleet as one deployment is rendered from; undefined while it cannot be. */
export function extractOf(fleet: FleetSnapshot, name: AppName): FleetSnapshot | undefined {
  const source = sourceOf(fleet, name);
  if (source === undefined) return undefined;
  const { deployment, branch, release } = source;
  const { defaultBranch } = fleet;
  const own = branch.deployments.filter((one) => one.name === name);
  const kept: BranchSnapshot = {
    ...branch,
    deployments: branch.branch === defaultBranch ? [deployment] : own,
    devices: withValues(branch.devices),
    roles: { [release.role]: release },
  };
  const main: BranchSnapshot = {
    branch: defaultBranch,
    commit: fleet.branches[defaultBranch]?.commit ?? branch.commit,
    ...{ values: {}, deployments: [deployment], sites: {}, devices: {}, roles: {} },
  };
  return { defaultBranch, branches: { [defaultBranch]: main, [branch.branch]: kept } };
}

function withValues(devices: BranchSnapshot["devices"]): BranchSnapshot["devices"] {
  const entries = Object.entries(devices).filter(
    ([, { values }]) => Object.keys(values).length > 0,
  );
  return Object.fromEntries(entries) as BranchSnapshot["devices"];
}
