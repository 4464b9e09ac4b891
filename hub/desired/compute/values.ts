// The values of an app on a device, layer over layer; pure.
import { type BranchSnapshot, type Deployment, entryOf } from "#hub/release/model.ts";
import type { Values } from "#shared/ids.ts";

export interface Place {
  /** The device's label `site`. */
  site: string | undefined;
  device: string;
  /** What operators have set on this device. */
  edited?: Values;
}

/** What the hub sets itself, above every layer. An app reads from them where it runs. */
function builtInValues(deployment: Deployment, { site, device }: Place): Values {
  return { FLEET_DEVICE: device, FLEET_SITE: site ?? "", FLEET_APP: deployment.name };
}

/** Role < fleet < site < deployment < device < what operators edited; all but that from the deployment's branch. A deployment that the
 *  branch does not have brings the values of the default branch.
 *  @param branch the snapshot of `deployment.branch` */
export function valuesOf(branch: BranchSnapshot, deployment: Deployment, place: Place): Values {
  const own = branch.deployments.find(({ name }) => name === deployment.name) ?? deployment;
  return {
    ...entryOf(branch.roles, deployment.role)?.values,
    ...branch.values,
    ...entryOf(branch.sites, place.site)?.values,
    ...own.values,
    ...entryOf(branch.devices, place.device)?.values,
    ...place.edited,
    ...builtInValues(deployment, place),
  };
}
