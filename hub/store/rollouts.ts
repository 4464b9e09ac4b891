// Rollouts, their devices and the snapshots that they move between; each decision is one fenced transaction.
import type { Kysely, Transaction, Updateable } from "kysely";
import { z } from "zod";
import type { Member } from "#hub/rollout/advance/model.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { insertEvents } from "./events.ts";
import { askToRetry } from "./retry.ts";
import { follow, insertMembers } from "./rollout_begin.ts";
import { memberPage } from "./rollout_members.ts";
import type { MemberRow, RolloutChange, RolloutQuery, RolloutStore } from "./rollout_port.ts";
import { Fenced, fenced, headColumns, memberColumns, rolloutRow } from "./rollout_rows.ts";
import type { Tables } from "./tables.ts";

export function rolloutStore(db: Kysely<Tables>): RolloutStore {
  return {
    latestRollouts: async () => {
      const newest = newestOf(db);
      const rows = await db.selectFrom("rollouts").selectAll().where("id", "in", newest).execute();
      return Promise.all(
        rows.map(async (row) => ({ row: rolloutRow(row), members: await membersOf(db, row.id) })),
      );
    },
    rollout: async (id) => {
      const query = db.selectFrom("rollouts").selectAll().where("id", "=", id);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : rolloutRow(row);
    },
    rollouts: (query) => rolloutPage(db, query),
    rolloutMembers: (id) => membersOf(db, id),
    rolloutDevices: (query) => memberPage(db, query),
    rolloutCounts: () => countsOf(db),
    isQuarantined: async (deployment, signature) => {
      const row = await db
        .selectFrom("rollouts")
        .select("quarantined")
        .where("deployment", "=", deployment)
        .where("signature", "=", signature)
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst();
      return row?.quarantined === 1;
    },
    snapshot: async (id) => {
      const query = db.selectFrom("snapshots").select("body").where("id", "=", id);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : JSON.parse(row.body);
    },
    lastSnapshot: async () => {
      const query = db.selectFrom("snapshots").select("id").orderBy("place", "desc").limit(1);
      return (await query.executeTakeFirst())?.id ?? null;
    },
    followFleet: (change) => fenced(db, (trx) => follow(trx, change)),
    changeRollout: (change) => fenced(db, (trx) => applyChange(trx, change)),
    ...haltStore(db),
  };
}

/** The newest rollout of each deployment. */
function newestOf(db: Kysely<Tables>) {
  return db
    .selectFrom("rollouts")
    .select((eb) => eb.fn.max("id").as("id"))
    .groupBy("deployment");
}

async function countsOf(db: Kysely<Tables>): ReturnType<RolloutStore["rolloutCounts"]> {
  const rollouts = await db
    .selectFrom("rollouts")
    .select((eb) => ["state", eb.fn.countAll<number>().as("count")])
    .where("id", "in", newestOf(db))
    .groupBy("state")
    .execute();
  const devices = await db
    .selectFrom("rollout_devices")
    .select((eb) => ["state", eb.fn.countAll<number>().as("count")])
    .where("rollout", "in", newestOf(db))
    .groupBy("state")
    .execute();
  return { rollouts: byState(rollouts), devices: byState(devices) };
}

function byState<S extends string>(
  rows: { state: S; count: number }[],
): Partial<Record<S, number>> {
  const entries = rows.map(({ state, count }) => [state, Number(count)]);
  return Object.fromEntries(entries) as Partial<Record<S, number>>;
}

function haltStore(db: Kysely<Tables>): Pick<RolloutStore, "fleetHalt" | "setFleetHalt"> {
  const scope = "fleet";
  return {
    fleetHalt: async () => {
      const query = db.selectFrom("halts").selectAll().where("scope", "=", scope);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : { operator: row.operator, reason: row.reason, at: row.at };
    },
    setFleetHalt: (halt, event) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom("halts").where("scope", "=", scope).execute();
        if (halt !== null)
          await trx
            .insertInto("halts")
            .values({ scope, ...halt })
            .execute();
        return insertEvents(trx, [event]);
      }),
  };
}

async function applyChange(trx: Transaction<Tables>, change: RolloutChange) {
  const { id, version, head, now, operator, reason } = change;
  const updated = await trx
    .updateTable("rollouts")
    .set({
      ...headColumns(head),
      quarantined: change.isQuarantined ? 1 : 0,
      suspects: JSON.stringify(change.suspects),
      ...(operator === undefined ? {} : { operator }),
      ...(reason === undefined ? {} : { reason }),
      changed_at: now,
      version: version + 1,
    })
    .where("id", "=", id)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  if (updated.numUpdatedRows !== 1n) throw new Fenced();
  await markDevices(trx, change);
  await keepUntilTheirStep(trx, change);
  if (change.joined.length > 0) await join(trx, change);
  await askToRetry(trx, change.retried ?? []);
  return insertEvents(trx, change.events);
}

/** A step marks many devices alike, which are then one statement. */
async function markDevices(
  trx: Transaction<Tables>,
  { id, marks, now }: RolloutChange,
): Promise<void> {
  const alike = Map.groupBy(marks, (member) => JSON.stringify(memberColumns(member)));
  for (const group of alike.values()) {
    const [first] = group;
    if (first === undefined) continue;
    await setOn(trx, { id, devices: group }, { ...memberColumns(first), changed_at: now });
  }
}

/** Almost all of them return to the same. */
async function keepUntilTheirStep(
  trx: Transaction<Tables>,
  { id, returned = [] }: RolloutChange,
): Promise<void> {
  const alike = Map.groupBy(returned, ({ before }) => before);
  for (const [before, devices] of alike) await setOn(trx, { id, devices }, { before });
}

async function setOn(
  trx: Transaction<Tables>,
  { id, devices }: { id: number; devices: readonly Pick<Member, "device">[] },
  columns: Updateable<Tables["rollout_devices"]>,
): Promise<void> {
  for (const chunk of chunksOf(devices)) {
    const ids = chunk.map(({ device }) => device);
    await trx
      .updateTable("rollout_devices")
      .set(columns)
      .where("rollout", "=", id)
      .where("device", "in", ids)
      .execute();
  }
}

async function join(trx: Transaction<Tables>, { id, joined, now }: RolloutChange): Promise<void> {
  const last = await trx
    .selectFrom("rollout_devices")
    .select((eb) => eb.fn.max("place").as("place"))
    .where("rollout", "=", id)
    .executeTakeFirst();
  await insertMembers(trx, id, joined, { from: Number(last?.place ?? -1) + 1, now });
}

async function membersOf(db: Kysely<Tables>, rollout: number): Promise<MemberRow[]> {
  const rows = await db
    .selectFrom("rollout_devices")
    .selectAll()
    .where("rollout", "=", rollout)
    .orderBy("place")
    .execute();
  return rows.map(({ device, state, step, deadline_at: deadlineAt, reason, before, base }) => ({
    member: { device, state, step, deadlineAt, reason },
    before,
    ...(base === null ? {} : { base }),
  }));
}

const Cursor = z.tuple([z.number()]);

async function rolloutPage(
  db: Kysely<Tables>,
  { deployment, state, limit, cursor }: RolloutQuery,
): ReturnType<RolloutStore["rollouts"]> {
  let select = db.selectFrom("rollouts").selectAll();
  if (deployment !== undefined) select = select.where("deployment", "=", deployment);
  if (state !== undefined) select = select.where("state", "=", state);
  if (cursor !== undefined) select = select.where("id", "<", decodeCursor(cursor, Cursor)[0]);
  const rows = await select
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const page = pageOf(rows, limit, ({ id }) => [id]);
  return { rows: page.rows.map(rolloutRow), next: page.next };
}
