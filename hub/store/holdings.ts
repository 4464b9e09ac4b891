// How much is kept of each device's history: counted with every row that is written or deleted, and bounded.
import type { Kysely, Transaction } from "kysely";
import type { DeviceId } from "#shared/ids.ts";
import { chunksOf } from "./chunks.ts";
import { cutEntries, cutEvents } from "./cut.ts";
import type { Allowance, HoldingStore } from "./holding_port.ts";
import type { NewEvent } from "./port.ts";
import type { Tables } from "./tables.ts";

export type Part = "journal" | "events";
type Holding = Tables["holdings"];

/** A row of some device's history; null for the hub's own. */
export interface Weighed {
  device: DeviceId | null;
  bytes: number;
}

export interface Bounds {
  allowance: Allowance;
  /** Unix ms. */
  now: () => number;
}

/** A holding after rows have come. */
interface Grown extends Holding {
  cameBytes: number;
}

/** What goes at once beyond twice what came: of an allowance that was lowered, upkeep takes the rest by and by. */
const atOnceBytes = 256_000;
/** Where upkeep brings a device that has exceeded its allowance, so that it does not do so again at once. */
const target = 0.9;

const parts = {
  journal: {
    kept: "journal_bytes",
    cut: "entries_cut",
    allowed: "journalBytes",
    remove: cutEntries,
  },
  events: { kept: "event_bytes", cut: "events_cut", allowed: "eventBytes", remove: cutEvents },
} as const;

export function holdingStore(db: Kysely<Tables>): HoldingStore {
  return {
    exceeding: async (limit) => {
      const rows = await exceeding(db).limit(limit).execute();
      return rows.map(({ device, exceeded_at, entries_cut, events_cut }) => {
        const since = exceeded_at ?? 0;
        return { device, since, entriesCut: entries_cut, eventsCut: events_cut };
      });
    },
    cuts: async () => {
      const { entries, events, devices } = await db
        .selectFrom("holdings")
        .select(({ fn }) => [
          fn.sum<number | null>("entries_cut").as("entries"),
          fn.sum<number | null>("events_cut").as("events"),
          fn.count<number>("exceeded_at").as("devices"),
        ])
        .executeTakeFirstOrThrow();
      return { entries: Number(entries), events: Number(events), devices: Number(devices) };
    },
  };
}

function exceeding(db: Kysely<Tables>) {
  return db
    .selectFrom("holdings")
    .selectAll()
    .where("exceeded_at", "is not", null)
    .orderBy("exceeded_at")
    .orderBy("device");
}

/** Within the caller's transaction.
 *  @returns what is kept now of the devices concerned */
export async function countWritten(
  trx: Transaction<Tables>,
  part: Part,
  rows: readonly Weighed[],
): Promise<Grown[]> {
  const sums = new Map<DeviceId, number>();
  for (const { device, bytes } of rows) {
    if (device !== null) sums.set(device, (sums.get(device) ?? 0) + Number(bytes));
  }
  const { kept } = parts[part];
  const nothing = { journal_bytes: 0, event_bytes: 0, entries_cut: 0, events_cut: 0 };
  const holdings: Grown[] = [];
  for (const chunk of chunksOf([...sums])) {
    const counted = await trx
      .insertInto("holdings")
      .values(chunk.map(([device, bytes]) => ({ device, ...nothing, [kept]: bytes })))
      .onConflict((conflict) =>
        conflict.column("device").doUpdateSet((eb) => ({
          [kept]: eb(`holdings.${kept}`, "+", eb.ref(`excluded.${kept}`)),
        })),
      )
      .returningAll()
      .execute();
    for (const holding of counted) {
      holdings.push({ ...holding, cameBytes: sums.get(holding.device) ?? 0 });
    }
  }
  return holdings;
}

/** Within the caller's transaction, for rows that were deleted. */
export async function countDeleted(
  trx: Transaction<Tables>,
  part: Part,
  rows: readonly Weighed[],
): Promise<void> {
  await countWritten(
    trx,
    part,
    rows.map(({ device, bytes }) => ({ device, bytes: -bytes })),
  );
}

/** Deletes what is above the devices' allowance, more than what came, so that it comes to that in the end.
 *  @returns what is to be told: one event per device that did not exceed it before */
export async function keepWithin(
  trx: Transaction<Tables>,
  part: Part,
  holdings: readonly Grown[],
  { allowance, now }: Bounds,
): Promise<NewEvent[]> {
  const told: NewEvent[] = [];
  for (const holding of holdings) {
    const excess = holding[parts[part].kept] - allowance[parts[part].allowed];
    if (excess <= 0) continue;
    const { device, exceeded_at: since } = holding;
    const bytes = Math.min(excess, 2 * holding.cameBytes + atOnceBytes);
    await cut(trx, part, device, { bytes, maxRows: Number.POSITIVE_INFINITY });
    const at = now();
    const times = { cut_at: at, exceeded_at: since ?? at };
    await trx.updateTable("holdings").set(times).where("device", "=", device).execute();
    if (since === null) told.push(exceededEvent(device, part, allowance, at));
  }
  return told;
}

async function cut(
  trx: Transaction<Tables>,
  part: Part,
  device: DeviceId,
  much: { bytes: number; maxRows: number },
): Promise<number> {
  const { cut: column, remove } = parts[part];
  const removed = await remove(trx, device, much);
  await countDeleted(
    trx,
    part,
    removed.map((bytes) => ({ device, bytes })),
  );
  await trx
    .updateTable("holdings")
    .set((eb) => ({ [column]: eb(column, "+", removed.length) }))
    .where("device", "=", device)
    .execute();
  return removed.length;
}

/** Brings who has exceeded its allowance well below it, and takes its mark away once nothing had to go for a while.
 *  @returns how many rows went: at most `maxRows` */
export async function relieve(
  trx: Transaction<Tables>,
  allowance: Allowance,
  { cutBefore, maxRows }: { cutBefore: number; maxRows: number },
): Promise<number> {
  let gone = 0;
  for (const holding of await exceeding(trx).execute()) {
    for (const part of ["journal", "events"] as const) {
      const bytes = holding[parts[part].kept] - target * allowance[parts[part].allowed];
      if (bytes <= 0 || gone >= maxRows) continue;
      gone += await cut(trx, part, holding.device, { bytes, maxRows: maxRows - gone });
    }
  }
  await trx
    .updateTable("holdings")
    .set({ exceeded_at: null })
    .where("exceeded_at", "is not", null)
    .where("cut_at", "<", cutBefore)
    .execute();
  return gone;
}

function exceededEvent(device: DeviceId, part: Part, allowance: Allowance, at: number): NewEvent {
  const megabytes = Math.ceil(allowance[parts[part].allowed] / 1_000_000);
  const what =
    part === "journal"
      ? "its journal: its oldest entries go, samples and events before updates and runs"
      : "its events: its oldest go";
  return {
    ...{ at, device, app: null, source: "hub", type: "Warning" },
    reason: "AllowanceExceeded",
    message: `more has come of this device than the ${megabytes} MB that the hub keeps of ${what}; everything is acknowledged as before`,
  };
}
