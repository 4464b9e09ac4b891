// Finds what a pin is to keep: a deployment at a commit or release that a person has named.
import { type Source, sourceOf } from "#hub/desired/compute/render.ts";
import type { ReleaseController } from "#hub/release/controller.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { ReleaseRow, Store } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName, DeviceId, Labels } from "#shared/ids.ts";
import { matches } from "#shared/selector.ts";
import { extractOf } from "./compute/pin.ts";
import type { Pin } from "./overrides.ts";

export interface TargetParts {
  store: Pick<Store, "releases">;
  releases: Pick<ReleaseController, "snapshot" | "checked">;
}

interface Target extends Pick<Pin, "deployment" | "branch" | "commit" | "role" | "digest"> {
  /** What its devices are rendered from. */
  source: FleetSnapshot;
}

/** @param to a commit or a release's digest, whole or so much of it that one is meant
 *  @throws FleetError not_found, request_invalid, and what refuses a commit */
export async function findTarget(
  parts: TargetParts,
  { name, branch, role }: Deployment,
  to: string,
): Promise<Target> {
  const commit = await commitNamed(parts, { branch, role }, to);
  const fleet = await parts.releases.checked(branch, commit);
  const found = sourceOf(fleet, name);
  const source = extractOf(fleet, name);
  if (found === undefined || source === undefined) throw notThere(name, commit);
  return { deployment: name, ...nameOf(found), source };
}

/** Undefined where the deployment is not there at the pin's commit.
 *  @throws FleetError not_found when the commit is not in the repository */
export async function sourceOfPin(
  releases: TargetParts["releases"],
  { deployment, branch, commit }: Pin,
): Promise<FleetSnapshot | undefined> {
  return extractOf(await releases.checked(branch, commit), deployment);
}

function nameOf({ branch, release }: Source) {
  return {
    branch: branch.branch,
    commit: branch.commit,
    role: release.role,
    digest: release.digest,
  };
}

/** @throws FleetError not_found */
export function deploymentNamed(fleet: FleetSnapshot | undefined, name: AppName): Deployment {
  const found = deploymentsOf(fleet).find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new FleetError("not_found", {
    message: `no deployment has the name ${name}`,
    hint: "List them with: fleet get deployments.",
    subject: name,
  });
}

/** The only deployment of a device, for whoever does not want to name it.
 *  @throws FleetError request_invalid */
export function onlyDeploymentOn(
  fleet: FleetSnapshot | undefined,
  { id, labels }: { id: DeviceId; labels: Labels },
): Deployment {
  const all = deploymentsOf(fleet).filter(({ selector }) => matches(selector, labels));
  const [first, ...more] = all;
  if (first !== undefined && more.length === 0) return first;
  const names = all.map(({ name }) => name).join(", ");
  throw new FleetError("request_invalid", {
    message: first === undefined ? `no deployment selects ${id}` : `${id} has ${names}`,
    hint: "Name the deployment that is to be pinned.",
    subject: id,
  });
}

function deploymentsOf(fleet: FleetSnapshot | undefined): readonly Deployment[] {
  if (fleet === undefined) return [];
  return entryOf(fleet.branches, fleet.defaultBranch)?.deployments ?? [];
}

type Commit = ReleaseRow["commits"][number];

/** A release is named by the newest commit that brought it, at best on the deployment's own branch. */
async function commitNamed(
  { store }: TargetParts,
  { branch, role }: Pick<Deployment, "branch" | "role">,
  to: string,
): Promise<string> {
  const byCommit = new Set<string>();
  const byRelease: ReleaseRow[] = [];
  for await (const row of releasesOf(store, role)) {
    if (row.digest.startsWith(to)) byRelease.push(row);
    for (const { commit } of row.commits) if (commit.startsWith(to)) byCommit.add(commit);
  }
  const [release] = byRelease;
  const named = [...byCommit, ...byRelease.map(({ digest }) => digest)];
  if (named.length > 1) throw ambiguous(to, named);
  if (release !== undefined) return newestOn(release.commits, branch)?.commit ?? to;
  const [commit] = byCommit;
  if (commit !== undefined) return commit;
  if (to.length === 40 || to.length === 64) return to;
  throw unknownTarget(to, role);
}

function newestOn(commits: readonly Commit[], branch: string): Commit | undefined {
  return commits.find((one) => one.branch === branch) ?? commits[0];
}

const pageSize = 200;

async function* releasesOf(
  store: Pick<Store, "releases">,
  role: string,
): AsyncGenerator<ReleaseRow> {
  let cursor: string | null = null;
  do {
    const after: { cursor?: string } = cursor === null ? {} : { cursor };
    const page = await store.releases({ role, limit: pageSize, ...after });
    yield* page.rows;
    cursor = page.next;
  } while (cursor !== null);
}

function notThere(name: string, commit: string): FleetError {
  return new FleetError("not_found", {
    message: `the deployment ${name} or its role is not there at ${commit.slice(0, 8)}`,
    hint: "Name a commit that has both: fleet history deployment NAME.",
    subject: commit,
  });
}

function ambiguous(to: string, named: readonly string[]): FleetError {
  const some = named.slice(0, 3).map((one) => one.slice(0, 12));
  return new FleetError("request_invalid", {
    message: `"${to}" may mean ${some.join(" or ")}`,
    hint: "Give more of it.",
    subject: to,
  });
}

function unknownTarget(to: string, role: string): FleetError {
  return new FleetError("not_found", {
    message: `no release of the role ${role} and none of its commits begins with "${to}"`,
    hint: "See fleet releases, or give the whole commit id.",
    subject: to,
  });
}
