// What the fleet repository wants of one device; pure.
import { editedLabels } from "#hub/control/compute/edits.ts";
import type { DeviceEdits } from "#hub/control/overrides.ts";
import {
  type BranchSnapshot,
  type Deployment,
  entryOf,
  type FleetSnapshot,
  type RoleRelease,
  safeModeRole,
} from "#hub/release/model.ts";
import { byCodeUnit } from "#shared/canonical.ts";
import {
  type AppSpec,
  type DesiredContent,
  type DesiredMode,
  revisionOf,
} from "#shared/desired.ts";
import type { AppName, DeviceId, Labels } from "#shared/ids.ts";
import { matches } from "#shared/selector.ts";
import { placeOf, render, type Source, sourceOf } from "./render.ts";
import { rhythmOf, rulesOf } from "./rules.ts";
import { valuesOf } from "./values.ts";

interface Device {
  id: DeviceId;
  /** Effective labels. */
  labels: Labels;
  edits: DeviceEdits;
  /** As an operator ordered it. */
  mode: DesiredMode;
  /** How often an operator asked to try again; 0: never. */
  retry: number;
}

/** The labels that count: those of an inventory file, overridden by the agent's, those by devices/<id>.yaml of the default branch, and that by what
 *  operators have edited. Pure. */
export function effectiveLabels(
  fleet: FleetSnapshot,
  device: { id: DeviceId; inventoryLabels?: Labels; agentLabels: Labels; edits: DeviceEdits },
): Labels {
  const { id, inventoryLabels, agentLabels, edits } = device;
  const declared = entryOf(fleet.branches, fleet.defaultBranch)?.devices;
  const own = declared === undefined ? {} : entryOf(declared, id)?.labels;
  return editedLabels({ ...inventoryLabels, ...agentLabels, ...own }, edits);
}

/** From which state of the fleet a deployment is rendered; undefined: from the newest. `keep`: it stays as it
 *  was wanted before, and is rendered from the newest only where it was not wanted. */
export type OlderOf = (deployment: AppName) => FleetSnapshot | "keep" | undefined;

/** The desired state of a device, apps by name. Pure.
 *  An app that cannot be rendered now (its branch or role is gone) stays as it was: an outage of the
 *  repository takes nothing from a device.
 *  @param previous what was wanted before: an app that means the same keeps the commit that changed it
 *  @param olderOf a rollout's word on this device. What it keeps back is the release with its values; which
 *  deployments there are, their rules and all else is as the newest commits say */
export function compute(
  fleet: FleetSnapshot,
  device: Device,
  previous: DesiredContent | undefined,
  olderOf: OlderOf = () => undefined,
): DesiredContent {
  const main = entryOf(fleet.branches, fleet.defaultBranch);
  const all = main === undefined ? [] : placed(fleet, main, device);
  const apps = all
    .flatMap((one) => {
      const { name } = one.deployment;
      const before = previous?.apps.find((app) => app.name === name);
      const older = olderOf(name);
      if (older === "keep" && before !== undefined) return [before];
      const source = typeof older === "object" ? sourceOf(older, name) : undefined;
      return appOf(one, source ?? one.newest, device, before);
    })
    .toSorted((a, b) => byCodeUnit(a.name, b.name));
  const safeStack = main === undefined ? undefined : safeStackOf(main, device, previous?.safeStack);
  const rhythm = rhythmOf(all.flatMap(({ newest }) => newest?.release ?? []));
  return {
    device: device.id,
    mode: device.mode,
    apps,
    ...(device.retry === 0 ? {} : { retry: device.retry }),
    ...(safeStack === undefined ? {} : { safeStack }),
    ...(rhythm === undefined ? {} : { rhythm }),
  };
}

/** A deployment that selects the device, with what it renders from as far as that is there. */
interface Placed {
  main: BranchSnapshot;
  deployment: Deployment;
  newest: Source | undefined;
}

function placed(fleet: FleetSnapshot, main: BranchSnapshot, device: Device): Placed[] {
  return main.deployments
    .filter(({ selector }) => matches(selector, device.labels))
    .map((deployment) => ({ main, deployment, newest: sourceOf(fleet, deployment.name) }));
}

function appOf(
  { main, deployment, newest }: Placed,
  source: Source | undefined,
  device: Device,
  before: AppSpec | undefined,
): AppSpec[] {
  if (source === undefined) return before === undefined ? [] : [before];
  const place = { site: device.labels["site"], device: device.id };
  const rules = rulesOf(main, deployment, place, (newest ?? source).release);
  return [keepingCommit({ ...render(source, device), rules }, before)];
}

/** The commit of an app is the one that last changed it on this device. */
function keepingCommit(app: AppSpec, before: AppSpec | undefined): AppSpec {
  const isSame = before !== undefined && revisionOf(before) === revisionOf(app);
  return isSame ? { ...app, release: before.release } : app;
}

/** The role `safe-mode` of the default branch goes to every device, to be there when it is needed. It has no
 *  rules: in safe mode nothing is to wait for a window. */
function safeStackOf(
  main: BranchSnapshot,
  device: Device,
  before: AppSpec | undefined,
): AppSpec | undefined {
  const release = entryOf(main.roles, safeModeRole);
  if (release === undefined) return undefined;
  const { digest, size, policy } = release;
  const role = safeModeRole as string as RoleRelease["role"];
  const deployment = { name: safeModeRole, role, selector: [], branch: main.branch, values: {} };
  const app: AppSpec = {
    name: safeModeRole,
    release: { digest, size, role, commit: main.commit, branch: main.branch },
    values: valuesOf(main, deployment, placeOf(device)),
    policy,
  };
  return keepingCommit(app, before);
}
