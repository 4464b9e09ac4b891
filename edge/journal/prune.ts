// Keeps the journal under its bound: health samples go first, history last, and nothing in silence.
import type { Connection } from "./database.ts";
import type { Entries } from "./entries.ts";
import type { Outgoing } from "./outgoing.ts";

export interface JournalLimits {
  /** Bound of the database in bytes, without the WAL file, which has a bound of its own. */
  maxBytes: number;
}

export const defaultLimits: JournalLimits = { maxBytes: 64 * 1024 * 1024 };

/** How many rows one transaction removes, so that it stays short on an SD card. */
const chunk = 500;
/** So many in one call, a few seconds on a worn card: nobody is served while it lasts. */
const chunksAtOnce = 20;
/** Prunes down to this share, so that the next entry does not start it again. */
const target = 0.9;

const health = "kind = 'health.sampled'";
/** What a person reads after a failure: desired states, updates and their steps. */
const history = "(kind LIKE 'update.%' OR kind LIKE 'step.%' OR kind LIKE 'desired.%')";

interface Rank {
  where: string;
  /** Whether the hub has these rows; those that it has not are counted in an entry. */
  acknowledged: boolean;
}

/** In the order of the loss that hurts least. Every tenth health sample outlives the first rank. */
const ranks: readonly Rank[] = [
  { where: `${health} AND seq % 10 <> 0`, acknowledged: true },
  { where: health, acknowledged: true },
  { where: `NOT ${history}`, acknowledged: true },
  { where: history, acknowledged: true },
  { where: `${health} AND seq % 10 <> 0`, acknowledged: false },
  { where: health, acknowledged: false },
  { where: `kind <> 'entries.dropped' AND NOT ${history}`, acknowledged: false },
  { where: history, acknowledged: false },
];

interface Removed {
  seq: number;
}

export interface Prune {
  /** Keeps the bound, in several calls when much is to go. */
  prune(): void;
  /** Makes room inside the file when the disk has none: the WAL begins again in its own space, and the rows
   *  that are missed least, of those that the hub has, leave free pages. */
  thin(): void;
}

export function createPrune(
  database: Connection,
  entries: Entries,
  outgoing: Outgoing,
  limits: JournalLimits,
): Prune {
  const isOver = sizeCheck(database, limits);
  const steps = ranks.map(({ where, acknowledged }) => ({
    acknowledged,
    remove: database.prepare<[number, number], Removed>(
      `DELETE FROM entries WHERE seq IN
       (SELECT seq FROM entries WHERE seq ${acknowledged ? "<=" : ">"} ? AND ${where}
        ORDER BY seq LIMIT ?) RETURNING seq`,
    ),
  }));
  const removeChunk = database.transaction((step: (typeof steps)[number]) => {
    const removed = step.remove.all(outgoing.mark(), chunk);
    if (removed.length > 0 && !step.acknowledged) recordDrop(entries, removed);
    return removed.length;
  });
  /** The rank that the calls before have come to; undefined while nothing has to go. */
  let rank: number | undefined;
  return {
    prune: () => {
      if (rank === undefined && isOver(1)) rank = 0;
      for (let left = chunksAtOnce; left > 0 && rank !== undefined; left -= 1) {
        const step = isOver(target) ? steps[rank] : undefined;
        if (step === undefined) rank = undefined;
        else if (removeChunk(step) === 0) rank += 1;
      }
    },
    thin: () => {
      // Not TRUNCATE: what the WAL has of the disk would go to whoever fills it.
      database.pragma("wal_checkpoint(RESTART)");
      steps.some((step) => step.acknowledged && removeChunk(step) > 0);
      database.pragma("wal_checkpoint(RESTART)");
    },
  };
}

function recordDrop(entries: Entries, removed: Removed[]): void {
  const numbers = removed.map(({ seq }) => seq);
  const [from, to] = [Math.min(...numbers), Math.max(...numbers)];
  entries.append({ kind: "entries.dropped", body: { count: removed.length, from, to } });
}

/** Pages in use, because a file with free pages inside does not grow. */
function sizeCheck(database: Connection, limits: JournalLimits): (share: number) => boolean {
  const used = database
    .prepare<[], number>(
      `SELECT (pages.page_count - free.freelist_count) * size.page_size
       FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size`,
    )
    .pluck();
  return (share) => (used.get() ?? 0) > limits.maxBytes * share;
}
