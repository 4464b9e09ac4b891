// The devices' journals, with one mark per device and epoch up to which everything is stored.
import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { insertEvents } from "./events.ts";
import type { AppendedJournal, DeviceBatch, NewEvent, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

type EventOf = (device: DeviceId, entry: JournalEntry) => NewEvent | null;

export function journalStore(db: Kysely<Tables>): Pick<Store, "appendJournal" | "journal"> {
  return {
    appendJournal: (batches, now, eventOf = () => null) =>
      db.transaction().execute((trx) => append(trx, batches, now, eventOf)),
    journal: (query) => journalPage(db, query),
  };
}

/** What one call appends to one device's journal of one epoch. */
interface Appending {
  device: DeviceId;
  epoch: string;
  mark: number;
  entries: JournalEntry[];
}

async function append(
  trx: Transaction<Tables>,
  batches: DeviceBatch[],
  now: number,
  eventOf: EventOf,
): Promise<AppendedJournal[]> {
  const appending = await loadMarks(trx, batches);
  for (const { device, batch } of batches) {
    const journal = appending.get(keyOf(device, batch.epoch));
    if (journal !== undefined && batch.from <= journal.mark + 1) extend(journal, batch);
  }
  const added = await insertEntries(trx, [...appending.values()], now);
  await saveMarks(trx, [...appending.values()]);
  return addEventsOf(trx, added, eventOf);
}

/** What lies at or below the mark is stored, or was dropped on the device for good. */
function extend(journal: Appending, batch: DeviceBatch["batch"]): void {
  const { mark } = journal;
  journal.entries.push(...batch.entries.filter(({ seq }) => seq > mark));
  journal.mark = Math.max(mark, batch.to);
}

function keyOf(device: DeviceId, epoch: string): string {
  return `${device}/${epoch}`;
}

async function loadMarks(
  trx: Transaction<Tables>,
  batches: DeviceBatch[],
): Promise<Map<string, Appending>> {
  const appending = new Map<string, Appending>();
  for (const { device, batch } of batches) {
    const { epoch } = batch;
    appending.set(keyOf(device, epoch), { device, epoch, mark: 0, entries: [] });
  }
  for (const chunk of chunksOf([...appending.values()])) {
    const keys = chunk.map(({ device, epoch }) => sql`(${device}, ${epoch})`);
    const marks = await trx
      .selectFrom("journal_marks")
      .selectAll()
      .where(sql<boolean>`(device, epoch) in (values ${sql.join(keys)})`)
      .execute();
    for (const { device, epoch, seq } of marks) {
      appending.set(keyOf(device, epoch), { device, epoch, mark: seq, entries: [] });
    }
  }
  return appending;
}

interface Added extends Appending {
  added: JournalEntry[];
}

async function insertEntries(
  trx: Transaction<Tables>,
  journals: Appending[],
  now: number,
): Promise<Added[]> {
  const rows = journals.flatMap((journal) =>
    journal.entries.map((entry) => entryRow(journal, entry, now)),
  );
  const inserted = new Set<string>();
  for (const chunk of chunksOf(rows)) {
    const fresh = await trx
      .insertInto("journal")
      .values(chunk)
      .onConflict((conflict) => conflict.columns(["device", "epoch", "seq"]).doNothing())
      .returning(["device", "epoch", "seq"])
      .execute();
    for (const { device, epoch, seq } of fresh) inserted.add(`${keyOf(device, epoch)}/${seq}`);
  }
  return journals.map((journal) => ({
    ...journal,
    added: journal.entries.filter(({ seq }) =>
      inserted.delete(`${keyOf(journal.device, journal.epoch)}/${seq}`),
    ),
  }));
}

function entryRow(
  { device, epoch }: Appending,
  entry: JournalEntry,
  now: number,
): Tables["journal"] {
  return {
    device,
    epoch,
    seq: entry.seq,
    boot_id: entry.bootId,
    at: entry.at,
    monotonic_ms: entry.monotonicMs,
    kind: entry.kind,
    app: entry.app ?? null,
    body: JSON.stringify(entry.body),
    received_at: now,
  };
}

async function saveMarks(trx: Transaction<Tables>, journals: Appending[]): Promise<void> {
  const rows = journals
    .filter(({ mark }) => mark > 0)
    .map(({ device, epoch, mark }) => ({ device, epoch, seq: mark }));
  for (const chunk of chunksOf(rows)) {
    await trx
      .insertInto("journal_marks")
      .values(chunk)
      .onConflict((conflict) =>
        conflict
          .columns(["device", "epoch"])
          .doUpdateSet((eb) => ({ seq: eb.ref("excluded.seq") })),
      )
      .execute();
  }
}

async function addEventsOf(
  trx: Transaction<Tables>,
  journals: Added[],
  eventOf: EventOf,
): Promise<AppendedJournal[]> {
  const found = journals.map(({ device, added }) =>
    added.flatMap((entry) => eventOf(device, entry) ?? []),
  );
  const stored = await insertEvents(trx, found.flat());
  return journals.map(({ device, epoch, mark, added }, index) => ({
    device,
    epoch,
    seq: mark,
    added,
    events: stored.splice(0, found[index]?.length ?? 0),
  }));
}

const Cursor = z.tuple([z.number(), z.string(), z.number()]);

async function journalPage(
  db: Kysely<Tables>,
  query: Parameters<Store["journal"]>[0],
): ReturnType<Store["journal"]> {
  const { device, kinds, app, limit, cursor } = query;
  let select = db.selectFrom("journal").selectAll().where("device", "=", device);
  if (kinds !== undefined) select = select.where("kind", "in", kinds);
  if (app !== undefined) select = select.where("app", "=", app);
  if (cursor !== undefined) {
    const [arrived, epoch, seq] = decodeCursor(cursor, Cursor);
    select = select.where(sql<boolean>`(received_at, epoch, seq) < (${arrived}, ${epoch}, ${seq})`);
  }
  const rows = await select
    .orderBy("received_at", "desc")
    .orderBy("epoch", "desc")
    .orderBy("seq", "desc")
    .limit(limit + 1)
    .execute();
  const page = pageOf(rows, limit, (row) => [row.received_at, row.epoch, row.seq]);
  return { rows: page.rows.map(entryOf), next: page.next };
}

function entryOf(row: Tables["journal"]): JournalEntry & { epoch: string } {
  return {
    epoch: row.epoch,
    seq: row.seq,
    bootId: row.boot_id,
    at: row.at,
    monotonicMs: row.monotonic_ms,
    kind: row.kind,
    ...(row.app === null ? {} : { app: row.app }),
    body: JSON.parse(row.body),
  };
}
