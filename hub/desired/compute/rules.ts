// When an app may change on a device, and how often a device that saves power looks; pure.
import {
  type BranchSnapshot,
  type Deployment,
  entryOf,
  type RoleRelease,
} from "#hub/release/model.ts";
import type { Rhythm, UpdateRules } from "#shared/desired.ts";
import type { DeviceId } from "#shared/ids.ts";

interface Place {
  /** The device's label `site`. */
  site: string | undefined;
  device: DeviceId;
}

/** Windows: role < site < deployment < device, the nearest replacing the others. A lock of the device's own
 *  file goes before one of the deployment. All but the role's come from the default branch, as the
 *  deployment itself does. */
export function rulesOf(
  main: BranchSnapshot,
  deployment: Deployment,
  { site, device }: Place,
  { rules }: RoleRelease,
): UpdateRules {
  const own = entryOf(main.devices, device);
  const windows =
    own?.windows ?? deployment.windows ?? entryOf(main.sites, site)?.windows ?? rules.windows;
  const lock = entryOf(own?.locks ?? {}, deployment.name) ?? deployment.lock;
  return {
    maxHoldMs: rules.maxHoldMs,
    ...(windows === undefined ? {} : { windows }),
    ...(lock === undefined ? {} : { lock }),
  };
}

/** Of a device with several apps: as often as the most frequent, and asleep in between only when every role
 *  may sleep. A role without a rhythm wants the device's own. */
export function rhythmOf(roles: readonly RoleRelease[]): Rhythm | undefined {
  const rhythms = roles.map(({ rhythm }) => rhythm);
  if (rhythms.length === 0 || rhythms.includes(undefined)) return undefined;
  const known = rhythms as Rhythm[];
  const sleeps = known.every(({ connection }) => connection === "sleep");
  return {
    intervalMs: Math.min(...known.map(({ intervalMs }) => intervalMs)),
    connection: sleeps ? "sleep" : "keep",
  };
}
