// Bisects as rows; each decision is one fenced transaction, the canaries' order to forget their failures included.
import type { Kysely, Selectable, Transaction } from "kysely";
import type { BisectChange, BisectRow, BisectStore, NewBisect } from "./bisect_port.ts";
import { insertEvents } from "./events.ts";
import type { HubEvent, NewEvent } from "./port.ts";
import { askToRetry } from "./retry.ts";
import { Fenced, fenced } from "./rollout_rows.ts";
import type { Tables } from "./tables.ts";

export function bisectStore(db: Kysely<Tables>): BisectStore {
  return {
    addBisect: (bisect, events) => fenced(db, (trx) => add(trx, bisect, events)),
    bisectOf: async (rollout) => {
      const row = await db
        .selectFrom("bisects")
        .selectAll()
        .where("rollout", "=", rollout)
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? null : bisectRow(row);
    },
    openBisects: async () => {
      const open = db.selectFrom("bisects").selectAll().where("state", "=", "Testing");
      return (await open.orderBy("id").execute()).map(bisectRow);
    },
    changeBisect: (change) => fenced(db, (trx) => apply(trx, change)),
  };
}

async function add(
  trx: Transaction<Tables>,
  { rollout, deployment, branch, bisect, fleet, operator, reason, beganAt }: NewBisect,
  events: NewEvent[],
): Promise<HubEvent[]> {
  const open = await trx
    .selectFrom("bisects")
    .select("id")
    .where("deployment", "=", deployment)
    .where("state", "=", "Testing")
    .executeTakeFirst();
  if (open !== undefined) throw new Fenced();
  const { value: id } = await trx
    .insertInto("counters")
    .values({ name: "bisects", value: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({ value: eb("counters.value", "+", 1) })),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  const times = { began_at: beganAt, changed_at: beganAt };
  await trx
    .insertInto("bisects")
    .values({
      ...{ id, rollout, deployment, branch, operator, reason, ...times, version: 1 },
      ...stateColumns(bisect, fleet),
    })
    .execute();
  return insertEvents(trx, events);
}

async function apply(trx: Transaction<Tables>, change: BisectChange): Promise<HubEvent[]> {
  const { id, version, bisect, fleet, retried, now } = change;
  const updated = await trx
    .updateTable("bisects")
    .set({ ...stateColumns(bisect, fleet), changed_at: now, version: version + 1 })
    .where("id", "=", id)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  if (updated.numUpdatedRows !== 1n) throw new Fenced();
  await askToRetry(trx, retried);
  return insertEvents(trx, change.events);
}

function stateColumns(bisect: BisectRow["bisect"], fleet: BisectRow["fleet"]) {
  return {
    state: bisect.state,
    body: JSON.stringify(bisect),
    fleet: fleet === null ? null : JSON.stringify(fleet),
  };
}

function bisectRow(row: Selectable<Tables["bisects"]>): BisectRow {
  const { id, rollout, deployment, branch, operator, reason, version } = row;
  return {
    ...{ id, rollout, deployment, branch, operator, reason, version },
    bisect: JSON.parse(row.body),
    fleet: row.fleet === null ? null : JSON.parse(row.fleet),
    beganAt: row.began_at,
    changedAt: row.changed_at,
  };
}
