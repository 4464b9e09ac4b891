// Events with one rising sequence of ids, and pages of them.
import type { Kysely, Transaction } from "kysely";
import { z } from "zod";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import type { EventQuery, HubEvent, NewEvent, Page, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function eventStore(db: Kysely<Tables>): Pick<Store, "addEvents" | "events"> {
  return {
    addEvents: (events) => db.transaction().execute((trx) => insertEvents(trx, events)),
    events: (query) => eventPage(db, query),
  };
}

/** Within the caller's transaction. */
export async function insertEvents(
  trx: Transaction<Tables>,
  events: NewEvent[],
): Promise<HubEvent[]> {
  if (events.length === 0) return [];
  const last = await takeIds(trx, events.length);
  const first = last - events.length + 1;
  const rows = events.map((event, index) => ({ id: first + index, ...event }));
  for (const chunk of chunksOf(rows)) await trx.insertInto("events").values(chunk).execute();
  return rows;
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
