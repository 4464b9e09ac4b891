// What the hub has not acknowledged yet: batches from the mark on, and the mark itself.
import type { JournalAck, JournalBatch, JournalEntry } from "#shared/journal.ts";
import type { Connection } from "./database.ts";
import { type Entries, type EntryRow, entryColumns, entryOf } from "./entries.ts";

export interface Outgoing {
  batch(limits: { maxEntries: number; maxBytes: number }): JournalBatch | undefined;
  acknowledge(ack: JournalAck): void;
  unacknowledged(): number;
  mark(): number;
}

export function createOutgoing(database: Connection, entries: Entries, epoch: string): Outgoing {
  const readMark = database.prepare<[], number>("SELECT acknowledged FROM journal").pluck();
  const moveMark = database.prepare<[number]>("UPDATE journal SET acknowledged = ?");
  const above = database.prepare<[number, number], EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const count = database
    .prepare<[number], number>("SELECT count(*) FROM entries WHERE seq > ?")
    .pluck();
  const mark = (): number => readMark.get() ?? 0;
  return {
    mark,
    batch: ({ maxEntries, maxBytes }) => {
      const from = mark() + 1;
      const taken = takeUpTo(above.iterate(from - 1, maxEntries), maxBytes);
      const to = taken.at(-1)?.seq;
      return to === undefined ? undefined : { epoch, from, to, entries: taken };
    },
    acknowledge: (ack) => {
      if (ack.epoch !== epoch || ack.seq > entries.lastSeq() || ack.seq === mark()) return;
      moveMark.run(ack.seq);
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
