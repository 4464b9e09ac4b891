// A commit read as a whole: the snapshot that it would become, with what the checks still need.
import type { Mirror } from "#hub/git/mirror.ts";
import { FleetError, type Where } from "#shared/errors.ts";
import { type Requirement, type Selector, selectorOf } from "#shared/selector.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import type { BundleStore } from "./bundles.ts";
import { createCache } from "./cache.ts";
import { createConfigReader, type FleetConfig } from "./config.ts";
import { fleetPaths, layOut, type RoleTree, type SizeLimits } from "./layout.ts";
import { type BranchSnapshot, type Deployment, entryOf, safeModeRole } from "./model.ts";
import { type RoleContent, readRole } from "./role.ts";
import type { RolloutPolicy } from "./rollout_policy.ts";
import type { FleetFile } from "./schema.ts";

export interface BranchDraft {
  snapshot: BranchSnapshot;
  roles: ReadonlyMap<string, RoleContent>;
  /** Where a key of fleet.yaml stands. */
  readonly locate: (path: Path) => Where;
  /** Its commit cannot be read: it stands as the fleet followed it, without the contents of its roles. */
  isKept?: true;
}

/** What a branch was when the fleet followed it last. */
export function keptDraft(snapshot: BranchSnapshot): BranchDraft {
  return { snapshot, roles: new Map(), locate: () => ({ file: "fleet.yaml" }), isKept: true };
}

interface DrafterOptions {
  mirror: Mirror;
  bundles: BundleStore;
  limits: SizeLimits;
}

export interface Drafter {
  /** Reads a commit of a branch; roles are bundled, those with a known tree id are not read again.
   *  @param defaultBranch where deployments without a branch of their own come from
   *  @throws FleetError repository_invalid, role_invalid: the commit is wrong; any other: try again */
  draft(branch: string, commit: string, defaultBranch: string): Promise<BranchDraft>;
}

export function createDrafter({ mirror, bundles, limits }: DrafterOptions): Drafter {
  const readConfig = createConfigReader(mirror);
  const known = createCache<RoleContent>(500);
  const roleOf = async (tree: RoleTree): Promise<RoleContent> => {
    const key = `${tree.treeId} ${tree.role}`;
    const before = known.get(key);
    if (before !== undefined && (await bundles.touch(before.release.digest))) return before;
    const bytes = await mirror.read(tree.files.map(({ id }) => id));
    const { content, bundle } = readRole(tree, bytes);
    await bundles.put(bundle);
    known.set(key, content);
    return content;
  };
  return {
    draft: async (branch, commit, defaultBranch) => {
      const layout = layOut(await mirror.entries(commit, fleetPaths), limits);
      const config = await readConfig(layout);
      const deployments = deploymentsOf(config.fleet.value, config.fleet.locate, defaultBranch);
      refuseUnknownSites(config, deployments);
      const roles = new Map<string, RoleContent>();
      for (const tree of layout.roles.values()) roles.set(tree.role, await roleOf(tree));
      const snapshot = assemble({ branch, commit, deployments, config, roles });
      return { snapshot, roles, locate: config.fleet.locate };
    },
  };
}

function deploymentsOf(
  { deployments, rollouts }: FleetFile,
  locate: (path: Path) => Where,
  defaultBranch: string,
): Deployment[] {
  const seen = new Set<string>();
  return deployments.map((entry, index) => {
    const { name, role, branch = defaultBranch, values, windows, lock } = entry;
    refuseReserved(name, () => locate(["deployments", index, "name"]));
    if (seen.has(name)) {
      throw new FleetError("repository_invalid", {
        message: `the deployment "${name}" stands here twice`,
        where: locate(["deployments", index, "name"]),
        hint: "Give each deployment a name of its own.",
      });
    }
    seen.add(name);
    const where = locate(["deployments", index, "selector"]);
    const policy = policyOf(entry.rollout, rollouts, () =>
      locate(["deployments", index, "rollout"]),
    );
    return {
      name,
      role,
      branch,
      values,
      selector: selectorFrom(entry.selector ?? "", where),
      ...(windows === undefined ? {} : { windows }),
      ...(lock === undefined ? {} : { lock }),
      ...(policy === undefined ? {} : { rollout: policy }),
    };
  });
}

function policyOf(
  rollout: RolloutPolicy | string | undefined,
  named: FleetFile["rollouts"],
  where: () => Where,
): RolloutPolicy | undefined {
  if (typeof rollout !== "string") return rollout;
  const policy = entryOf(named, rollout);
  if (policy !== undefined) return policy;
  throw new FleetError("repository_invalid", {
    message: `names the rollout policy "${rollout}", which is not among rollouts`,
    where: where(),
    hint: `Add it under rollouts in fleet.yaml, or correct the name.`,
  });
}

/** Every device gets it beside its deployments, to have it ready. */
function refuseReserved(name: string, where: () => Where): void {
  if (name !== safeModeRole) return;
  throw new FleetError("repository_invalid", {
    message: `the name "${name}" is kept for the stack that runs in safe mode`,
    where: where(),
    hint: `Give the deployment another name; roles/${safeModeRole} needs no deployment.`,
  });
}

function selectorFrom(text: Parameters<typeof selectorOf>[0], where: Where): Selector {
  try {
    return selectorOf(text);
  } catch (cause) {
    if (!(cause instanceof FleetError)) throw cause;
    const { message, hint } = cause;
    throw new FleetError("repository_invalid", {
      message,
      where,
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** A fleet that keeps files of its sites means one of them; without such files a site is only a label. */
function refuseUnknownSites({ fleet, sites, devices }: FleetConfig, all: Deployment[]): void {
  if (sites.size === 0) return;
  for (const { value, locate } of devices.values()) {
    refuseUnknownSite(value.labels["site"], sites, () => locate(["labels", "site"]));
  }
  for (const [index, { selector }] of all.entries()) {
    for (const site of selector.flatMap(sitesNamed)) {
      refuseUnknownSite(site, sites, () => fleet.locate(["deployments", index, "selector"]));
    }
  }
}

function sitesNamed(requirement: Requirement): string[] {
  return requirement.key === "site" && requirement.operator === "in" ? requirement.values : [];
}

function refuseUnknownSite(
  site: string | undefined,
  sites: ReadonlyMap<string, unknown>,
  where: () => Where,
): void {
  if (site === undefined || site === "" || sites.has(site)) return;
  throw new FleetError("repository_invalid", {
    message: `names the site "${site}", which has no file`,
    where: where(),
    hint: `Add sites/${site}.yaml, or correct the name.`,
  });
}

interface Parts {
  branch: string;
  commit: string;
  deployments: Deployment[];
  config: FleetConfig;
  roles: ReadonlyMap<string, RoleContent>;
}

function assemble({ branch, commit, deployments, config, roles }: Parts): BranchSnapshot {
  const { fleet, sites, devices, plans } = config;
  return {
    branch,
    commit,
    values: fleet.value.values,
    deployments,
    sites: record(sites, ({ value: { kind: _, apiVersion: _version, ...site } }) => site),
    devices: record(devices, ({ value: { kind: _, apiVersion: _version, ...device } }) => device),
    roles: record(roles, ({ release }) => release),
    plans: record(plans, ({ value: { kind: _, apiVersion: _version, ...plan } }) => plan),
  };
}

function record<K extends string, A, B>(
  map: ReadonlyMap<K, A>,
  turn: (item: A) => B,
): Record<K, B> {
  return Object.fromEntries([...map].map(([key, item]) => [key, turn(item)])) as Record<K, B>;
}
