// Events with one rising sequence of ids, and pages of them.
import type { Kysely, Transaction } from "kysely";
import { z } from "zod";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { eventWeight } from "./cut.ts";
import { type Bounds, countWritten, keepWithin, type Weighed } from "./holdings.ts";
import type { EventQuery, HubEvent, NewEvent, Page, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function eventStore(
  db: Kysely<Tables>,
  bounds: Bounds,
): Pick<Store, "addEvents" | "events"> {
  return {
    addEvents: (events) =>
      db.transaction().execute((trx) => insertBoundedEvents(trx, events, bounds)),
    events: (query) => eventPage(db, query),
  };
}

/** Within the caller's transaction. */
export async function insertEvents(
  trx: Transaction<Tables>,
  events: NewEvent[],
): Promise<HubEvent[]> {
  return (await insertCounted(trx, events)).rows;
}

/** The same for events that a device may cause as often as it likes: those above its allowance go.
 *  @returns also the events that tell of it, behind the others */
export async function insertBoundedEvents(
  trx: Transaction<Tables>,
  events: NewEvent[],
  bounds: Bounds,
): Promise<HubEvent[]> {
  const { rows, holdings } = await insertCounted(trx, events);
  const told = await keepWithin(trx, "events", holdings, bounds);
  return [...rows, ...(await insertEvents(trx, told))];
}

async function insertCounted(trx: Transaction<Tables>, events: NewEvent[]) {
  if (events.length === 0) return { rows: [], holdings: [] };
  const last = await takeIds(trx, events.length);
  const first = last - events.length + 1;
  const rows = events.map((event, index) => ({ id: first + index, ...event }));
  const weighed: Weighed[] = [];
  for (const chunk of chunksOf(rows)) {
    const insertion = trx.insertInto("events").values(chunk).returning(["device", eventWeight]);
    weighed.push(...(await insertion.execute()));
  }
  return { rows, holdings: await countWritten(trx, "events", weighed) };
}

/** A counter instead of the database's own: locked until commit, so that a reader who follows the ids
 *  never passes one that another hub has taken but not yet committed.
 *  @returns the last of the ids taken */
async function takeIds(trx: Transaction<Tables>, count: number): Promise<number> {
  const { value } = await trx
    .insertInto("counters")
    .values({ name: "events", value: count })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({ value: eb("counters.value", "+", count) })),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  return Number(value);
}

const Cursor = z.tuple([z.number()]);

async function eventPage(db: Kysely<Tables>, query: EventQuery): Promise<Page<HubEvent>> {
  const oldestFirst = query.afterId !== undefined;
  const from = query.cursor === undefined ? query.afterId : decodeCursor(query.cursor, Cursor)[0];
  const rows = await filtered(db, query)
    .$if(from !== undefined, (q) => q.where("id", oldestFirst ? ">" : "<", from ?? 0))
    .orderBy("id", oldestFirst ? "asc" : "desc")
    .limit(query.limit + 1)
    .execute();
  return pageOf(rows, query.limit, ({ id }) => [id]);
}

function filtered(db: Kysely<Tables>, { device, reason, type }: EventQuery) {
  let select = db.selectFrom("events").selectAll();
  if (device !== undefined) select = select.where("device", "=", device);
  if (reason !== undefined) select = select.where("reason", "=", reason);
  if (type !== undefined) select = select.where("type", "=", type);
  return select;
}
