// The release port: bundles, unpacked releases, revisions and the atomic links on the device's disk.
import type { AppSpec, ReleaseRef } from "#shared/desired.ts";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";
import type { RoleFile } from "#shared/role.ts";

/** What the disk holds of one app. */
export interface StoredApp {
  app: AppName;
  current?: RevisionId;
  previous?: RevisionId;
  next?: RevisionId;
}

/** A revision read back from the disk, with its files. */
export interface StagedRevision {
  spec: AppSpec;
  revision: RevisionId;
  /** Absolute path of the unpacked release. */
  directory: string;
  role: RoleFile;
  composeText: string;
  /** Text of a file of the release by relative path; undefined when absent or outside. */
  readText(path: string): string | undefined;
  /** sha256 of a file, or over the names and contents of a directory; undefined when absent. */
  contentHash(path: string): string | undefined;
}

/** Layout under the agent's data directory:
 *  `bundles/<digest>.tar[.part]`
 *  `apps/<app>/releases/<digest>/`            unpacked content, never changed after its rename
 *  `apps/<app>/revisions/<revision>/app.json` what is to run: digest, values, policy, commit
 *  `apps/<app>/revisions/<revision>/content`  link to `../../releases/<digest>`
 *  `apps/<app>/current|previous|next`         links to `revisions/<revision>`
 *  Every call may be repeated after a crash at any instant. */
export interface ReleaseStore {
  apps(): Promise<StoredApp[]>;
  /** Whether the bundle's download is complete and verified. */
  hasBundle(digest: Digest): Promise<boolean>;
  /** Whether the app's release is unpacked and the revision written. */
  isStaged(app: AppName, revision: RevisionId): Promise<boolean>;
  /** Downloads with Range from where an earlier try stopped.
   *  @throws FleetError bundle_unreachable, disk_short, interrupted */
  fetch(
    release: ReleaseRef,
    options: { onProgress?: (share: number) => void; signal?: AbortSignal },
  ): Promise<void>;
  /** Checks size and sha256 and makes the download a bundle; deletes it when it is wrong.
   *  @throws FleetError bundle_corrupt */
  verify(release: ReleaseRef): Promise<void>;
  /** Unpacks, writes the revision and sets `next`.
   *  @throws FleetError bundle_invalid, disk_short */
  stage(app: AppSpec): Promise<void>;
  /** @throws FleetError role_invalid, not_found */
  load(app: AppName, revision: RevisionId): Promise<StagedRevision>;
  /** `current` becomes the revision by one rename; what it was becomes `previous`. Directories are
   *  synced. */
  swap(app: AppName, revision: RevisionId): Promise<void>;
  /** `current` becomes `to` again, or goes when there was none. */
  rollBack(app: AppName, to: RevisionId | undefined): Promise<void>;
  /** Drops `next` and whatever neither a link nor an instance names.
   *  @param inUse digests that running instances still have files of */
  tidy(app: AppName, inUse: ReadonlySet<string>): Promise<void>;
  /** The app is not wanted any more and nothing of it runs. */
  removeApp(app: AppName): Promise<void>;
}
