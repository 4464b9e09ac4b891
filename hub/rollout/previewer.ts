// Answers what a commit would do to a deployment, or what the present rollout still has to do.
import type { Pins } from "#hub/control/pins.ts";
import type { ReleaseController } from "#hub/release/controller.ts";
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { RoleContent } from "#hub/release/role.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { ComposeSource, LoadedCompose } from "#shared/compose/load.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName, Digest } from "#shared/ids.ts";
import { type Preview, previewOf } from "./preview.ts";
import { createServiceDiff } from "./service_diff.ts";
import type { Tracks } from "./track.ts";

interface Options {
  store: Pick<Store, "allDevices">;
  releases: Pick<ReleaseController, "snapshot" | "candidate" | "contents">;
  tracks: Pick<Tracks, "byDeployment" | "snapshots">;
  pins: Pick<Pins, "on" | "olderOf">;
  clock: Clock;
  readonly loadCompose: (source: ComposeSource) => LoadedCompose;
}

export interface Previewer {
  /** @param commit of the deployment's branch; by default the accepted one, for what its devices lack yet
   *  @throws FleetError not_found, repository_invalid, role_invalid */
  preview(name: AppName, commit?: string): Promise<Preview>;
}

export function createPreviewer(options: Options): Previewer {
  const { store, releases, tracks, pins, clock, loadCompose } = options;
  /** An older commit may be gone from the repository: its services are then not compared. */
  const contentsOf = async (branch: string, commit: string): Promise<Map<Digest, RoleContent>> => {
    try {
      return await releases.contents(branch, commit);
    } catch {
      return new Map();
    }
  };
  const allContents = async (
    fleets: readonly FleetSnapshot[],
    branch: string,
  ): Promise<Map<Digest, RoleContent>> => {
    const commits = fleets.map(({ branches }) => entryOf(branches, branch)?.commit);
    const all = new Map<Digest, RoleContent>();
    for (const commit of new Set(commits)) {
      if (commit === undefined) continue;
      for (const [digest, role] of await contentsOf(branch, commit)) all.set(digest, role);
    }
    return all;
  };
  return {
    preview: async (name, commit) => {
      const fleet = releases.snapshot();
      const main = fleet === undefined ? undefined : entryOf(fleet.branches, fleet.defaultBranch);
      const deployment = main?.deployments.find((one) => one.name === name);
      if (fleet === undefined || deployment === undefined) throw noDeployment(name);
      const { branch } = deployment;
      const candidate = commit === undefined ? fleet : await releases.candidate(branch, commit);
      const older = [...tracks.snapshots.values()];
      const contents = await allContents([fleet, candidate, ...older], branch);
      const preview = previewOf({
        ...{ name, fleet, candidate, tracks, pins, now: clock.now() },
        rows: await store.allDevices(),
        diff: createServiceDiff(contents, loadCompose),
      });
      if (preview === undefined) throw noDeployment(name);
      return preview;
    },
  };
}

function noDeployment(name: string): FleetError {
  return new FleetError("not_found", {
    message: `no deployment has the name ${name}`,
    hint: "List them with: fleet get deployments",
    subject: name,
  });
}
