// Keeps the hub's disk bounded: each hour it deletes history beyond its age and bundles that nobody uses.
import { setImmediate as breathe } from "node:timers/promises";
import type { BundleStore } from "#hub/release/bundles.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Store } from "#hub/store/port.ts";
import type { Pruned, PruneLimits } from "#hub/store/prune_port.ts";
import type { Clock } from "#shared/clock.ts";
import type { Digest } from "#shared/ids.ts";

/** What was deleted in one run, rows by kind and bundle files. */
export interface Swept extends Pruned {
  bundles: number;
}

interface Options {
  store: Pick<Store, "prune" | "release">;
  bundles: Pick<BundleStore, "untouchedSince" | "remove">;
  releases: { inUse(): Digest[]; snapshot(): FleetSnapshot | undefined };
  desired: { inUse(): Digest[] };
  /** Branches of the repository as of a fetch that worked; empty when that cannot be said. */
  readonly branches: () => Promise<readonly string[]>;
  clock: Clock;
  /** Days that journal and events are kept. */
  keepDays: number;
  /** Days that the devices' update history is kept; never fewer than `keepDays`. */
  keepUpdatesDays: number;
  /** Releases kept of each role and branch, beside those in use. */
  releasesPerBranch?: number;
  readonly onSwept: (swept: Swept) => void;
  /** The next hour tries again. */
  readonly onFailed: (error: unknown) => void;
}

export interface Upkeep {
  start(): void;
  stop(): Promise<void>;
  /** One sweep now. */
  sweep(): Promise<Swept>;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Not at once: after a start the hub has devices to answer. */
const firstAfterMs = 60_000;
/** Short enough that the store's other work is never held up for long. */
const maxRows = 500;
/** A commit under review has its bundles written, but no row names them yet. */
const untouchedMs = dayMs;

export function createUpkeep(options: Options): Upkeep {
  const { store, bundles, releases, desired, clock, releasesPerBranch = 20 } = options;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const releasesInUse = (): Digest[] => [...releases.inUse(), ...desired.inUse()];
  /** A branch that is gone stays known while a deployment names it: its devices still run it. */
  const branchesInUse = async (): Promise<string[]> => {
    const present = await options.branches();
    const fleet = releases.snapshot();
    if (present.length === 0 || fleet === undefined) return [];
    const main = fleet.branches[fleet.defaultBranch];
    const named = main?.deployments.map(({ branch }) => branch) ?? [];
    return [...new Set([...present, fleet.defaultBranch, ...named])];
  };
  const limits = async (): Promise<PruneLimits> => {
    const now = clock.now();
    const before = now - options.keepDays * dayMs;
    return {
      journalBefore: before,
      updatesBefore: now - Math.max(options.keepDays, options.keepUpdatesDays) * dayMs,
      eventsBefore: before,
      tokensBefore: now,
      releasesBefore: before,
      releasesPerBranch,
      cutBefore: now - dayMs,
      releasesInUse: releasesInUse(),
      branchesInUse: await branchesInUse(),
      maxRows,
    };
  };
  const sweepStore = async (total: Swept): Promise<void> => {
    const old = await limits();
    for (let more = true; more && !stopping.signal.aborted; ) {
      const pruned = await store.prune(old);
      for (const kind of kinds) total[kind] += pruned[kind];
      more = kinds.some((kind) => pruned[kind] >= maxRows);
      await breathe();
    }
  };
  const sweepBundles = async (total: Swept): Promise<void> => {
    for (const digest of await bundles.untouchedSince(clock.now() - untouchedMs)) {
      if (stopping.signal.aborted) return;
      if ((await store.release(digest)) !== null) continue;
      // Asked last: a commit may have been accepted since.
      if (releasesInUse().includes(digest)) continue;
      await bundles.remove(digest);
      total.bundles += 1;
    }
  };
  const sweep = async (): Promise<Swept> => {
    const total = nothing();
    await sweepStore(total);
    await sweepBundles(total);
    return total;
  };
  const run = async (): Promise<void> => {
    await clock.sleep(firstAfterMs, stopping.signal);
    while (!stopping.signal.aborted) {
      await sweep().then(options.onSwept, options.onFailed);
      await clock.sleep(hourMs, stopping.signal);
    }
  };
  return {
    start: () => {
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    sweep,
  };
}

const kinds = [
  "journal",
  "updates",
  "runs",
  "events",
  "cut",
  "tokens",
  "releases",
  "branches",
] as const;

function nothing(): Swept {
  const rows = { journal: 0, updates: 0, runs: 0, events: 0, cut: 0, tokens: 0 };
  return { ...rows, releases: 0, branches: 0, bundles: 0 };
}
