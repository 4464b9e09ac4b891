// The devices' journals, with one mark per device and epoch up to which everything is stored.
import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { entryWeight } from "./cut.ts";
import { insertBoundedEvents } from "./events.ts";
import { type Bounds, countWritten, keepWithin, type Weighed } from "./holdings.ts";
import type { AppendedJournal, DeviceBatch, NewEvent, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

type EventOf = (device: DeviceId, entry: JournalEntry) => NewEvent | null;

export function journalStore(
  db: Kysely<Tables>,
  bounds: Bounds,
): Pick<Store, "appendJournal" | "journal"> {
  return {
    appendJournal: (batches, now, eventOf = () => null) =>
      db.transaction().execute((trx) => append(trx, batches, now, { eventOf, bounds })),
    journal: (query) => journalPage(db, query),
  };
}

/** What one call appends to one device's journal of one epoch. */
interface Appending {
  device: DeviceId;
  epoch: string;
  mark: number;
  /** Nothing of this epoch was known. */
  isNew: boolean;
  entries: JournalEntry[];
  /** In which boot the entries were written that came again, by their seq. */
  boots: Map<number, string>;
  /** Up to where somebody else counts under the same name; 0: nobody does. */
  copiedTo: number;
}

/** A journal gets a new name when it was lost or is an old copy: far more names than a device has in its life, and
 *  few enough for one that makes them up. */
const keptEpochs = 256;

async function append(
  trx: Transaction<Tables>,
  batches: DeviceBatch[],
  now: number,
  { eventOf, bounds }: { eventOf: EventOf; bounds: Bounds },
): Promise<AppendedJournal[]> {
  const appending = await loadMarks(trx, batches);
  await loadBoots(trx, batches, appending);
  for (const { device, batch } of batches) {
    const journal = appending.get(keyOf(device, batch.epoch));
    if (journal !== undefined && batch.from <= journal.mark + 1) extend(journal, batch);
  }
  const { added, weighed } = await insertEntries(trx, [...appending.values()], now);
  await saveMarks(trx, [...appending.values()], now);
  const holdings = await countWritten(trx, "journal", weighed);
  const told = await keepWithin(trx, "journal", holdings, bounds);
  return addEventsOf(trx, added, { eventOf, told, bounds });
}

/** What lies at or below the mark is stored, or was dropped on the device for good. */
function extend(journal: Appending, batch: DeviceBatch["batch"]): void {
  const { mark, boots } = journal;
  if (batch.entries.some(({ seq, bootId }) => (boots.get(seq) ?? bootId) !== bootId)) {
    journal.copiedTo = Math.max(journal.copiedTo, batch.to);
    return;
  }
  for (const entry of batch.entries) {
    boots.set(entry.seq, entry.bootId);
    if (entry.seq > mark) journal.entries.push(entry);
  }
  journal.mark = Math.max(mark, batch.to);
}

/** Two devices from one card count on under one name: what the second one numbers as the first did would pass for
 *  sent again. An answer above all that it has makes it take a name of its own, and send what is missing. */
function answerTo({ mark, copiedTo }: Appending): number {
  return copiedTo === 0 ? mark : Math.max(mark, copiedTo) + 1;
}

async function loadBoots(
  trx: Transaction<Tables>,
  batches: readonly DeviceBatch[],
  appending: ReadonlyMap<string, Appending>,
): Promise<void> {
  const again = batches.flatMap(({ device, batch: { epoch, entries } }) => {
    const mark = appending.get(keyOf(device, epoch))?.mark ?? 0;
    const known = entries.filter(({ seq }) => seq <= mark);
    return known.map(({ seq }) => sql`(${device}, ${epoch}, ${seq})`);
  });
  for (const chunk of chunksOf(again)) {
    const rows = await trx
      .selectFrom("journal")
      .select(["device", "epoch", "seq", "boot_id"])
      .where(sql<boolean>`(device, epoch, seq) in (values ${sql.join(chunk)})`)
      .execute();
    for (const { device, epoch, seq, boot_id } of rows) {
      appending.get(keyOf(device, epoch))?.boots.set(seq, boot_id);
    }
  }
}

function begun(device: DeviceId, epoch: string): Appending {
  return { device, epoch, mark: 0, isNew: true, entries: [], boots: new Map(), copiedTo: 0 };
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
    appending.set(keyOf(device, epoch), begun(device, epoch));
  }
  for (const chunk of chunksOf([...appending.values()])) {
    const keys = chunk.map(({ device, epoch }) => sql`(${device}, ${epoch})`);
    const marks = await trx
      .selectFrom("journal_marks")
      .selectAll()
      .where(sql<boolean>`(device, epoch) in (values ${sql.join(keys)})`)
      .execute();
    for (const { device, epoch, seq } of marks) {
      const known = { ...begun(device, epoch), mark: seq, isNew: false };
      appending.set(keyOf(device, epoch), known);
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
): Promise<{ added: Added[]; weighed: Weighed[] }> {
  const rows = journals.flatMap((journal) =>
    journal.entries.map((entry) => entryRow(journal, entry, now)),
  );
  const inserted = new Set<string>();
  const weighed: Weighed[] = [];
  for (const chunk of chunksOf(rows)) {
    const fresh = await trx
      .insertInto("journal")
      .values(chunk)
      .onConflict((conflict) => conflict.columns(["device", "epoch", "seq"]).doNothing())
      .returning(["device", "epoch", "seq", entryWeight])
      .execute();
    for (const { device, epoch, seq } of fresh) inserted.add(`${keyOf(device, epoch)}/${seq}`);
    weighed.push(...fresh);
  }
  const added = journals.map((journal) => ({
    ...journal,
    added: journal.entries.filter(({ seq }) =>
      inserted.delete(`${keyOf(journal.device, journal.epoch)}/${seq}`),
    ),
  }));
  return { added, weighed };
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

async function saveMarks(
  trx: Transaction<Tables>,
  journals: Appending[],
  now: number,
): Promise<void> {
  const moved = journals.filter(({ mark }) => mark > 0);
  const rows = moved.map(({ device, epoch, mark }) => ({
    device,
    epoch,
    seq: mark,
    moved_at: now,
  }));
  for (const chunk of chunksOf(rows)) {
    await trx
      .insertInto("journal_marks")
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(["device", "epoch"]).doUpdateSet((eb) => ({
          seq: eb.ref("excluded.seq"),
          moved_at: eb.ref("excluded.moved_at"),
        })),
      )
      .execute();
  }
  const begun = new Set(moved.filter(({ isNew }) => isNew).map(({ device }) => device));
  for (const device of begun) await forgetOldMarks(trx, device);
}

/** A device that comes back under a name that was forgotten is asked for all of it; what is still here is not
 *  stored twice. */
async function forgetOldMarks(trx: Transaction<Tables>, device: DeviceId): Promise<void> {
  const kept = trx
    .selectFrom("journal_marks")
    .select("epoch")
    .where("device", "=", device)
    .orderBy("moved_at", "desc")
    .orderBy("epoch")
    .limit(keptEpochs);
  await trx
    .deleteFrom("journal_marks")
    .where("device", "=", device)
    .where("epoch", "not in", kept)
    .execute();
}

/** @param told about the devices, beside what their entries tell */
async function addEventsOf(
  trx: Transaction<Tables>,
  journals: Added[],
  { eventOf, told, bounds }: { eventOf: EventOf; told: NewEvent[]; bounds: Bounds },
): Promise<AppendedJournal[]> {
  const found = journals.map(({ device, added }) =>
    added.flatMap((entry) => eventOf(device, entry) ?? []),
  );
  const stored = await insertBoundedEvents(trx, [...found.flat(), ...told], bounds);
  const ofEntries = found.map((events) => stored.splice(0, events.length));
  const others = Map.groupBy(stored, ({ device }) => device);
  return journals.map((journal, index) => {
    const { device, epoch, added } = journal;
    const events = [...(ofEntries[index] ?? []), ...(others.get(device) ?? [])];
    others.delete(device);
    return { device, epoch, seq: answerTo(journal), added, events };
  });
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
