// The release port: bundles, unpacked releases, revisions and the atomic links on the device's disk.
import type { AppSpec, ReleaseRef } from "#shared/desired.ts";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";
import type { RoleFile } from "#shared/role.ts";
import type { Verification, VerifyOptions } from "./inspector.ts";
import type { MendHint } from "./mend.ts";
import type { FileFinding } from "./verify.ts";

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
  /** Text of a file of the release by relative path; undefined when the release has none there.
   *  @throws FleetError release_damaged when the file is not as its bundle has it */
  readText(path: string): string | undefined;
  /** sha256 of a file, or over the names, modes and contents of a directory, as the bundle has them,
   *  whatever became of the files on the disk; undefined when the release has none there. */
  contentHash(path: string): string | undefined;
}

/** Layout under the agent's data directory:
 *  `bundles/<digest>.tar[.part]`
 *  `apps/<app>/releases/<digest>/`            unpacked content, never changed after its rename
 *  `apps/<app>/revisions/<revision>/app.json` what is to run: digest, values, policy, commit
 *  `apps/<app>/revisions/<revision>/content`  link to `../../releases/<digest>`
 *  `apps/<app>/records/release-<digest>.json`   what its files are in truth: taken from the bundle
 *  `apps/<app>/records/revision-<revision>.json` a second copy of its app.json
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
  /** @throws FleetError role_invalid, release_damaged, not_found */
  load(app: AppName, revision: RevisionId): Promise<StagedRevision>;
  /** `current` becomes the revision by one rename; what it was becomes `previous`. Directories are
   *  synced. */
  swap(app: AppName, revision: RevisionId): Promise<void>;
  /** `current` becomes `to` again, or goes when there was none. */
  rollBack(app: AppName, to: RevisionId | undefined): Promise<void>;
  /** Drops `next` and whatever neither a link nor an instance names.
   *  @param inUse digests that running instances still have files of */
  tidy(app: AppName, inUse: ReadonlySet<string>): Promise<void>;
  /** Compares the files of the app's current release with what its bundle holds; undefined when nothing
   *  is current. A look costs well under a millisecond for an ordinary release.
   *  @throws FleetError release_damaged when nothing on the disk tells what the files should be */
  verifyFiles(app: AppName, options: VerifyOptions): Promise<Verification | undefined>;
  /** Puts the damaged files of the current release back, from a bundle that is downloaded again where it is
   *  missing or damaged. Strangers go, but for those that `keeps` wants left alone.
   *  @throws FleetError bundle_unreachable, bundle_corrupt, bundle_invalid, disk_short, interrupted */
  repairFiles(
    app: AppName,
    findings: readonly FileFinding[],
    options: { keeps: (path: string) => boolean; signal?: AbortSignal },
  ): Promise<void>;
  /** Mends the way to the app's current release. Not while an attempt moves the links. A few lstat calls
   *  when it looks as it did when it was last found whole.
   *  @returns what was mended, in words */
  mend(app: AppName, hint: () => MendHint): Promise<string[]>;
  /** Removes what no app needs: temporaries that were there at the last sweep already, downloads and bundles
   *  that neither a release on the disk nor `wanted` names.
   *  @param options.bundles `spare` also gives up bundles whose release is unpacked: they can be fetched
   *  again
   *  @returns bytes that were freed */
  sweep(options: { wanted: ReadonlySet<string>; bundles: "keep" | "spare" }): Promise<number>;
  /** The app is not wanted any more and nothing of it runs. */
  removeApp(app: AppName): Promise<void>;
}
