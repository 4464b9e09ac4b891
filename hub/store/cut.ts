// Deletes the part of one device's history that is missed least.
import { sql, type Transaction } from "kysely";
import type { DeviceId } from "#shared/ids.ts";
import { entryBytes, eventBytes, isMinor } from "./migrations/holdings.ts";
import type { Tables } from "./tables.ts";

/** What a row counts, for `select` and `returning`. */
export const entryWeight = sql<number>`${sql.raw(entryBytes)}`.as("bytes");
export const eventWeight = sql<number>`${sql.raw(eventBytes)}`.as("bytes");

interface Much {
  /** At least so many, as long as there are rows. */
  bytes: number;
  maxRows: number;
}

/** Rows of one statement. */
const chunkRows = 500;

/** The minor ones before all others, each in the order of their arrival.
 *  @returns what each deleted row had counted */
export async function cutEntries(
  trx: Transaction<Tables>,
  device: DeviceId,
  much: Much,
): Promise<number[]> {
  const minor = await inChunks(much, (left) => takeEntries(trx, device, "minor", left));
  const bytes = much.bytes - sum(minor);
  const maxRows = much.maxRows - minor.length;
  const rest = await inChunks({ bytes, maxRows }, (left) => takeEntries(trx, device, "all", left));
  return [...minor, ...rest];
}

/** In the order of their ids.
 *  @returns what each deleted row had counted */
export function cutEvents(
  trx: Transaction<Tables>,
  device: DeviceId,
  much: Much,
): Promise<number[]> {
  return inChunks(much, (left) => takeEvents(trx, device, left));
}

async function inChunks(
  { bytes, maxRows }: Much,
  take: (left: Much) => Promise<number[]>,
): Promise<number[]> {
  const taken: number[] = [];
  for (let left = bytes; left > 0 && taken.length < maxRows; ) {
    const chunk = await take({ bytes: left, maxRows: Math.min(chunkRows, maxRows - taken.length) });
    if (chunk.length === 0) break;
    taken.push(...chunk);
    left -= sum(chunk);
  }
  return taken;
}

async function takeEntries(
  trx: Transaction<Tables>,
  device: DeviceId,
  which: "minor" | "all",
  much: Much,
): Promise<number[]> {
  const found = await trx
    .selectFrom("journal")
    .select(["epoch", "seq", entryWeight])
    .where("device", "=", device)
    .$if(which === "minor", (query) => query.where(sql<boolean>`${sql.raw(isMinor)}`))
    .orderBy("received_at")
    .orderBy("epoch")
    .orderBy("seq")
    .limit(much.maxRows)
    .execute();
  const oldest = upTo(found, much.bytes);
  if (oldest.length === 0) return [];
  const keys = oldest.map(({ epoch, seq }) => sql`(${device}, ${epoch}, ${seq})`);
  await trx
    .deleteFrom("journal")
    .where(sql<boolean>`(device, epoch, seq) in (values ${sql.join(keys)})`)
    .execute();
  return oldest.map(({ bytes }) => Number(bytes));
}

async function takeEvents(
  trx: Transaction<Tables>,
  device: DeviceId,
  much: Much,
): Promise<number[]> {
  const found = await trx
    .selectFrom("events")
    .select(["id", eventWeight])
    .where("device", "=", device)
    .orderBy("id")
    .limit(much.maxRows)
    .execute();
  const oldest = upTo(found, much.bytes);
  const ids = oldest.map(({ id }) => id);
  if (ids.length > 0) await trx.deleteFrom("events").where("id", "in", ids).execute();
  return oldest.map(({ bytes }) => Number(bytes));
}

/** As many of the first as reach so many bytes. */
function upTo<T extends { bytes: number }>(rows: readonly T[], bytes: number): T[] {
  let reached = 0;
  return rows.filter((row) => {
    const isNeeded = reached < bytes;
    reached += Number(row.bytes);
    return isNeeded;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
