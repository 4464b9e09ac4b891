// The entries of the journal: appended with one sequence, read back newest first.
import type { Clock } from "#shared/clock.ts";
import { type EntryKind, JournalEntry } from "#shared/journal.ts";
import { boundedBody } from "./body.ts";
import type { Connection } from "./database.ts";
import type { NewEntry } from "./port.ts";

export interface EntryRow {
  seq: number;
  boot_id: string;
  at: number;
  monotonic_ms: number;
  kind: string;
  app: string | null;
  body: string;
}

export const entryColumns = "seq, boot_id, at, monotonic_ms, kind, app, body";

/** A row that the disk has spoilt becomes an event that says so: one that could not be read would end
 *  every list, and one that the hub refuses would hold up all that come after it. */
export function entryOf(row: EntryRow): JournalEntry {
  const { seq, boot_id: bootId, at, monotonic_ms: monotonicMs, kind, app } = row;
  const read = { seq, bootId, at, monotonicMs, kind, ...(app === null ? {} : { app }) };
  const entry = JournalEntry.safeParse({ ...read, body: bodyOf(row) });
  return entry.success ? entry.data : spoilt(row);
}

function bodyOf({ body }: EntryRow): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function spoilt({ seq, boot_id: bootId }: EntryRow): JournalEntry {
  const message = "this entry of the journal was spoilt on the device's disk";
  const body = { type: "Warning", reason: "EntrySpoilt", message };
  return { seq, bootId, at: 0, monotonicMs: 0, kind: "event", body };
}

export interface Entries {
  append(entry: NewEntry): number;
  list(query: { kinds?: EntryKind[]; limit: number }): JournalEntry[];
  /** 0 before the first; stays when entries are removed. */
  lastSeq(): number;
}

export function createEntries(database: Connection, clock: Clock, bootId: string): Entries {
  const insert = database.prepare<[string, number, number, string, string | null, string]>(
    "INSERT INTO entries (boot_id, at, monotonic_ms, kind, app, body) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const newest = database.prepare<[number], EntryRow>(
    `SELECT ${entryColumns} FROM entries ORDER BY seq DESC LIMIT ?`,
  );
  const newestOfKinds = database.prepare<[string, number], EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE kind IN (SELECT value FROM json_each(?))
     ORDER BY seq DESC LIMIT ?`,
  );
  const last = database
    .prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'entries'")
    .pluck();
  return {
    append: ({ kind, app, body }) => {
      const at = Math.round(clock.now());
      const text = boundedBody(body);
      const row = insert.run(bootId, at, clock.monotonicMs(), kind, app ?? null, text);
      return Number(row.lastInsertRowid);
    },
    list: ({ kinds, limit }) => {
      const rows =
        kinds === undefined ? newest.all(limit) : newestOfKinds.all(JSON.stringify(kinds), limit);
      return rows.map(entryOf);
    },
    lastSeq: () => last.get() ?? 0,
  };
}
