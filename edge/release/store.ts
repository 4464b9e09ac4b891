// The release store: the device's bundles, releases, revisions and links behind one port.
import type { Clock } from "#shared/clock.ts";
import { makeDirectory, removeTree, sweepTemporaries } from "#shared/files.ts";
import { createBundles } from "./bundles.ts";
import { type StatDisk, statDisk } from "./disk.ts";
import type { DownloadOptions } from "./download.ts";
import { layoutOf } from "./layout.ts";
import { readApps, rollBackApp, swapApp } from "./links.ts";
import { loadRevision } from "./load.ts";
import { createLru } from "./lru.ts";
import type { ReleaseStore, StagedRevision } from "./port.ts";
import { isComplete, stageApp } from "./staging.ts";
import { tidyApp, unpackedDigests } from "./tidy.ts";

export interface ReleaseStoreOptions {
  /** The agent's data directory; made when it is not there. */
  directory: string;
  download: DownloadOptions;
  clock: Clock;
  /** Bytes of the disk that no download may take. */
  reserveBytes: number;
  /** Another disk for tests. */
  statDisk?: StatDisk;
}

/** Revisions whose files stay in memory: two per app of an ordinary device. */
const maxLoaded = 16;

/** One caller at a time: the loop does one step after the other. */
export function createReleaseStore(options: ReleaseStoreOptions): ReleaseStore {
  const layout = layoutOf(options.directory);
  const common = { layout, statDisk, ...options };
  const bundles = createBundles(common);
  const loaded = createLru<StagedRevision>(maxLoaded);
  const tidyBundles = async (): Promise<void> => bundles.tidy(await unpackedDigests(layout));
  return {
    apps: () => readApps(layout),
    hasBundle: bundles.has,
    isStaged: (app, revision) => isComplete(layout, app, revision),
    fetch: bundles.fetch,
    verify: bundles.verify,
    stage: async (spec) => {
      loaded.clear();
      await makeDirectory(layout.apps);
      await stageApp(spec, common);
      bundles.staged(spec.release.digest);
    },
    load: async (app, revision) => {
      const key = `${app}/${revision}`;
      const staged = loaded.get(key) ?? (await loadRevision(layout, app, revision));
      loaded.set(key, staged);
      return staged;
    },
    swap: (app, revision) => swapApp(layout, app, revision),
    rollBack: (app, to) => rollBackApp(layout, app, to),
    tidy: async (app, inUse) => {
      loaded.clear();
      await tidyApp(layout, app, inUse);
      await tidyBundles();
    },
    removeApp: async (app) => {
      loaded.clear();
      await removeTree(layout.app(app));
      await sweepTemporaries(layout.apps);
      await tidyBundles();
    },
  };
}
