// The files of the fleet repository that are not a role's: fleet.yaml, sites/*.yaml, devices/*.yaml.
import { z } from "zod";
import { AppName, Labels, RoleName, ValueName, type Values } from "#shared/ids.ts";
import { stringValues } from "#shared/role.ts";
import { SelectorText } from "#shared/selector.ts";
import { MaintenanceWindow } from "#shared/window.ts";
import { RolloutPolicy } from "./rollout_policy.ts";

/** Values that the hub sets itself on every app; no file may set them. */
export const reservedValues: readonly string[] = ["FLEET_DEVICE", "FLEET_SITE", "FLEET_APP"];

const FreeValueName = ValueName.refine((name) => !reservedValues.includes(name), {
  message: "is set by the hub and may not be given",
});

const FileValues = z
  .record(FreeValueName, z.union([z.string(), z.number(), z.boolean()]))
  .transform((map): Values => stringValues(map))
  .default({});

const Windows = z.array(MaintenanceWindow).max(16);

/** Keeps an app at the version that it runs. */
const VersionLock = z.strictObject({
  reason: z.string().min(1).max(200),
  /** RFC 3339, e.g. `2027-01-07T06:00:00Z`; without it until the lock is taken away. */
  until: z.iso
    .datetime({ offset: true, error: "must be a time such as 2027-01-07T06:00:00Z" })
    .transform((text) => Date.parse(text))
    .exactOptional(),
});
export type VersionLock = z.infer<typeof VersionLock>;

const header = <K extends string>(kind: K) => ({
  apiVersion: z.literal("metrica.fleet/v1"),
  kind: z.literal(kind),
});

/** Selects the devices of a deployment: all of them without a selector. */
const DeploymentEntry = z.strictObject({
  name: AppName,
  role: RoleName,
  selector: SelectorText.exactOptional(),
  /** Where the role and the values come from; the default branch when absent. */
  branch: z.string().min(1).exactOptional(),
  values: FileValues,
  /** When its apps may change; instead of the role's and the site's windows. */
  windows: Windows.exactOptional(),
  lock: VersionLock.exactOptional(),
  /** How a new release moves through its devices: a policy, or the name of one of `rollouts`. Without it all
   *  get it at once. */
  rollout: z.union([z.string().min(1), RolloutPolicy]).exactOptional(),
});

export const FleetFile = z.strictObject({
  ...header("Fleet"),
  values: FileValues,
  /** Policies by name, for several deployments. */
  rollouts: z.record(z.string().min(1), RolloutPolicy).default({}),
  deployments: z.array(DeploymentEntry),
});
export type FleetFile = z.infer<typeof FleetFile>;

export const SiteFile = z.strictObject({
  ...header("Site"),
  values: FileValues,
  windows: Windows.exactOptional(),
});
export type SiteFile = z.infer<typeof SiteFile>;

export const DeviceFile = z.strictObject({
  ...header("Device"),
  labels: Labels.default({}),
  values: FileValues,
  windows: Windows.exactOptional(),
  /** By deployment. */
  locks: z.record(AppName, VersionLock).exactOptional(),
});
export type DeviceFile = z.infer<typeof DeviceFile>;
