// The release store: the device's bundles, releases, revisions and links behind one port.
import type { Clock } from "#shared/clock.ts";
import type { AppSpec } from "#shared/desired.ts";
import { makeDirectory, removeTree, sweepTemporaries } from "#shared/files.ts";
import type { AppName } from "#shared/ids.ts";
import { createBundles } from "./bundles.ts";
import { releaseDamaged } from "./content.ts";
import { diskError, isFull, type StatDisk, statDisk } from "./disk.ts";
import type { DownloadOptions } from "./download.ts";
import { createInspector } from "./inspector.ts";
import { layoutOf } from "./layout.ts";
import { readApp, readApps, rollBackApp, swapApp } from "./links.ts";
import { loadRevision, recordedSpec } from "./load.ts";
import { createLru } from "./lru.ts";
import { createMender } from "./mend.ts";
import type { ReleaseStore, StagedRevision } from "./port.ts";
import { createRepairer } from "./repair.ts";
import { isComplete, stageApp } from "./staging.ts";
import { createSweeper } from "./sweep.ts";
import { tidyApp, unpackedDigests } from "./tidy.ts";

export interface ReleaseStoreOptions {
  /** The agent's data directory; made when it is not there. */
  directory: string;
  download: DownloadOptions;
  clock: Clock;
  /** Bytes of the disk that no download may take. */
  reserveBytes: number;
  /** Digests whose bundles someone waits for. The store knows those that it was asked to fetch, but none that
   *  an agent before this start was. */
  wanted?: () => ReadonlySet<string>;
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
  const inspector = createInspector(layout);
  const repairFiles = createRepairer({ layout, bundles });
  const mender = createMender(layout);
  const sweeper = createSweeper(layout);
  const { wanted = () => new Set<string>() } = options;
  const tidyBundles = async (): Promise<void> =>
    bundles.tidy((await unpackedDigests(layout)).union(wanted()));
  const currentSpec = async (app: AppName): Promise<AppSpec | undefined> => {
    const { current } = await readApp(layout, app);
    return current === undefined ? undefined : await recordedSpec(layout, app, current);
  };
  const store: ReleaseStore = {
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
      // Nothing is started from files that are known to be others than the release's.
      const damage = inspector.damageOf(staged.spec);
      if (damage !== undefined) throw releaseDamaged(staged.directory, damage);
      return staged;
    },
    swap: (app, revision) => swapApp(layout, app, revision),
    rollBack: (app, to) => rollBackApp(layout, app, to),
    tidy: async (app, inUse) => {
      loaded.clear();
      await tidyApp(layout, app, inUse);
      await tidyBundles();
    },
    verifyFiles: async (app, verifyOptions) => {
      const spec = await currentSpec(app);
      return spec === undefined ? undefined : inspector.verify(spec, verifyOptions);
    },
    repairFiles: async (app, findings, repairOptions) => {
      const spec = await currentSpec(app);
      if (spec === undefined) return;
      await repairFiles(spec, findings, repairOptions);
      await inspector.verify(spec, { depth: "look" });
    },
    mend: async (app, hint) => {
      const mended = await mender.mend(app, hint);
      if (mended.length > 0) loaded.clear();
      return mended;
    },
    sweep: async ({ wanted: others, bundles: which }) => {
      const kept = which === "keep" ? await unpackedDigests(layout) : new Set<string>();
      return sweeper.sweep(kept.union(others).union(bundles.awaited()));
    },
    removeApp: async (app) => {
      loaded.clear();
      await removeTree(layout.app(app));
      await sweepTemporaries(layout.apps);
      await tidyBundles();
    },
  };
  return onFullDisk(store, options.directory);
}

/** Whatever a full disk stops, it is the disk's fault and is tried again: never the release's. */
function onFullDisk(store: ReleaseStore, directory: string): ReleaseStore {
  const calls = Object.entries(store).map(([name, call]) => [
    name,
    (...given: unknown[]): Promise<unknown> =>
      (call as (...all: unknown[]) => Promise<unknown>)(...given).catch((error: unknown) => {
        throw isFull(error) ? diskError(error, directory) : error;
      }),
  ]);
  return Object.fromEntries(calls) as ReleaseStore;
}
