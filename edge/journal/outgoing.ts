// What the hub has not acknowledged yet: batches from the mark on, the mark itself, and the epoch's name.
import { randomUUID } from "node:crypto";
import type { JournalAck, JournalBatch, JournalEntry } from "#shared/journal.ts";
import type { Connection } from "./database.ts";
import { type Entries, type EntryRow, entryColumns, entryOf } from "./entries.ts";

export interface Outgoing {
  epoch(): string;
  batch(limits: { maxEntries: number; maxBytes: number }): JournalBatch | undefined;
  acknowledge(ack: JournalAck): void;
  unacknowledged(): number;
  /** Up to here the hub has every entry, under this epoch or the one before. */
  mark(): number;
  /** Renames the database in place: what is not acknowledged goes out under the new name. */
  startEpoch(): void;
}

interface Row {
  epoch: string;
  acknowledged: number;
  began: number;
}

/** The database has a name by now (state.ts). */
export function createOutgoing(database: Connection, entries: Entries): Outgoing {
  const row = database.prepare<[], Row>("SELECT epoch, acknowledged, began FROM journal");
  const moveMark = database.prepare<[number]>("UPDATE journal SET acknowledged = ?");
  const rename = database.prepare<[string, number]>(
    "UPDATE journal SET epoch = ?, began = ?, acknowledged = 0",
  );
  const above = database.prepare<[number, number], EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const count = database
    .prepare<[number], number>("SELECT count(*) FROM entries WHERE seq > ?")
    .pluck();
  const read = (): Row => row.get() ?? { epoch: "", acknowledged: 0, began: 0 };
  const mark = (): number => Math.max(read().acknowledged, read().began);
  /** The greatest seq that the hub can have from this database: what an earlier process has left, or this
   *  one has handed out. */
  let known = entries.lastSeq();
  /** Where earlier processes have ended. Until the hub has answered once, nothing above it is handed out: so
   *  an answer above it can only come from entries that are not here, and none of ours takes their place. */
  const left = known;
  let isProven = left === 0;
  /** An epoch that this process began is no copy, whatever a hub claims. */
  let isBornHere = left === 0;

  let name = read().epoch;

  /** Reads the name back also when the transaction around the change has failed. */
  const renaming = (change: () => void): void => {
    try {
      change();
      isProven = true;
      isBornHere = true;
    } finally {
      name = read().epoch;
    }
  };
  const startEpoch = (): void => void rename.run(randomUUID(), mark());
  /** This database is older than what the hub has of it: the card was restored from an image, or lost
   *  writes that it had confirmed. Its next numbers are taken by entries that are gone here. */
  const foundOlder = database.transaction((seq: number) => {
    startEpoch();
    const message = `this journal is an old copy: it ends at entry ${known}, and the hub has entry ${seq}; what the hub lacks is sent under a new epoch`;
    entries.append({ kind: "event", body: { type: "Warning", reason: "EpochStarted", message } });
  });
  /** The last entry of earlier processes once more: it asks the hub how much it has. */
  const proof = (acknowledged: number): JournalBatch => {
    const rows = above.all(left - 1, 1).filter(({ seq }) => seq === left);
    const from = Math.min(acknowledged + 1, left);
    return { epoch: name, from, to: left, entries: rows.map(entryOf) };
  };
  return {
    epoch: () => name,
    mark,
    startEpoch: () => renaming(startEpoch),
    batch: ({ maxEntries, maxBytes }) => {
      const { acknowledged } = read();
      const rows = above.all(mark(), maxEntries);
      if (!isProven && rows[0] !== undefined && rows[0].seq > left) return proof(acknowledged);
      const taken = takeUpTo(isProven ? rows : rows.filter(({ seq }) => seq <= left), maxBytes);
      const to = taken.at(-1)?.seq;
      if (to === undefined) return undefined;
      known = Math.max(known, to);
      return { epoch: name, from: acknowledged + 1, to, entries: taken };
    },
    acknowledge: ({ epoch, seq }) => {
      if (epoch !== name) return;
      isProven = true;
      if (seq === read().acknowledged) return;
      if (seq <= known) moveMark.run(seq);
      else if (!isBornHere) renaming(() => foundOlder(seq));
    },
    unacknowledged: () => count.get(mark()) ?? 0,
  };
}

/** At least one entry, so that a large one cannot stop those behind it. */
function takeUpTo(rows: Iterable<EntryRow>, maxBytes: number): JournalEntry[] {
  const taken: JournalEntry[] = [];
  let bytes = 0;
  for (const row of rows) {
    const entry = entryOf(row);
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (taken.length > 0 && bytes > maxBytes) break;
    taken.push(entry);
  }
  return taken;
}
