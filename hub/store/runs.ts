// Runs, the phases of devices, and what the journals tell of runs; each change is one fenced transaction.
import { type Kysely, sql, type Transaction } from "kysely";
import { z } from "zod";
import type { Run } from "#hub/run/model.ts";
import type { Lifecycle } from "#hub/run/phase.ts";
import type { EntryKind } from "#shared/journal.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import { insertEvents } from "./events.ts";
import { lastLogAt, readRunLog } from "./runs_log.ts";
import type { RunChange, RunQuery, RunStore } from "./runs_port.ts";
import { headColumns, lifeColumns, lifeOf, runColumns, runOf } from "./runs_rows.ts";
import type { Tables } from "./tables.ts";

const active = ["Pending", "Running"] as const;
const told: EntryKind[] = ["run.started", "run.step.started", "run.step.ended", "run.ended"];
/** More than any run can journal: steps by attempts, twice. */
const maxEntries = 2000;

export function runStore(db: Kysely<Tables>): RunStore {
  return {
    beginRun: (run, life, events) =>
      db.transaction().execute(async (trx) => {
        if (await isTaken(trx, run)) return null;
        await replaceOrders(trx, run);
        await saveLives(trx, [life]);
        return insertEvents(trx, events);
      }),
    changeRun: (change) => db.transaction().execute((trx) => changeRun(trx, change)),
    run: async (id) => {
      const row = await db.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : runOf(row);
    },
    runOfRequest: async (device, request) => {
      const row = await db
        .selectFrom("runs")
        .selectAll()
        .where("device", "=", device)
        .where("request", "=", request)
        .executeTakeFirst();
      return row === undefined ? null : runOf(row);
    },
    runs: (query) => runPage(db, query),
    openRuns: async () => {
      const rows = await db
        .selectFrom("runs")
        .selectAll()
        .where((eb) => eb.or([eb("state", "in", active), eb("standing", "=", 1)]))
        .orderBy("id")
        .execute();
      return rows.map(runOf);
    },
    runEntries: (run) => entriesOf(db, run),
    runHeardAt: (run) => lastLogAt(db, run),
    runLog: (run, query) => readRunLog(db, run, query),
    ...lifecycleStore(db),
  };
}

type LifecycleStore = Pick<RunStore, "lifecycle" | "lifecycles" | "saveLifecycles">;

function lifecycleStore(db: Kysely<Tables>): LifecycleStore {
  return {
    lifecycle: async (device) => {
      const query = db.selectFrom("lifecycles").selectAll().where("device", "=", device);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : lifeOf(row);
    },
    lifecycles: async () => {
      const rows = await db.selectFrom("lifecycles").selectAll().orderBy("device").execute();
      return rows.map(lifeOf);
    },
    saveLifecycles: (lives, events) =>
      db.transaction().execute(async (trx) => {
        await saveLives(trx, lives);
        return insertEvents(trx, events);
      }),
  };
}

async function isTaken(trx: Transaction<Tables>, { device, request }: Run): Promise<boolean> {
  const row = await trx
    .selectFrom("runs")
    .select("id")
    .where("device", "=", device)
    .where((eb) => eb.or([eb("state", "in", active), eb("request", "=", request)]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The order of the new run tells the device that those before it are over. */
async function replaceOrders(trx: Transaction<Tables>, run: Run): Promise<void> {
  await trx
    .updateTable("runs")
    .set((eb) => ({ standing: 0, version: eb("version", "+", 1) }))
    .where("device", "=", run.device)
    .where("standing", "=", 1)
    .execute();
  await trx.insertInto("runs").values(runColumns(run)).execute();
}

async function changeRun(trx: Transaction<Tables>, { run, life, revokes, events }: RunChange) {
  const updated = await trx
    .updateTable("runs")
    .set({ ...headColumns(run.head), version: run.version + 1 })
    .where("id", "=", run.id)
    .where("version", "=", run.version)
    .executeTakeFirstOrThrow();
  if (updated.numUpdatedRows !== 1n) return null;
  if (life !== undefined) await saveLives(trx, [life]);
  if (revokes === true && life !== undefined) {
    // No secret has this hash.
    const revoked = { secret_hash: "" };
    await trx.updateTable("devices").set(revoked).where("id", "=", life.device).execute();
  }
  return insertEvents(trx, events);
}

async function saveLives(trx: Transaction<Tables>, lives: readonly Lifecycle[]): Promise<void> {
  for (const chunk of chunksOf([...lives])) {
    await trx
      .insertInto("lifecycles")
      .values(chunk.map(lifeColumns))
      .onConflict((conflict) =>
        conflict.column("device").doUpdateSet((eb) => ({
          phase: eb.ref("excluded.phase"),
          since: eb.ref("excluded.since"),
          provisioned: eb.ref("excluded.provisioned"),
          intervention: eb.ref("excluded.intervention"),
          labels: eb.ref("excluded.labels"),
          inventory: eb.ref("excluded.inventory"),
        })),
      )
      .execute();
  }
}

const Cursor = z.tuple([z.string()]);

async function runPage(db: Kysely<Tables>, query: RunQuery): ReturnType<RunStore["runs"]> {
  const { device, plan, state, limit, cursor } = query;
  let select = db.selectFrom("runs").selectAll();
  if (device !== undefined) select = select.where("device", "=", device);
  if (plan !== undefined) select = select.where("plan", "=", plan);
  if (state !== undefined) select = select.where("state", "=", state);
  if (cursor !== undefined) {
    const [id] = decodeCursor(cursor, Cursor);
    select = select.where(sql<boolean>`id < ${id}`);
  }
  const rows = await select
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const page = pageOf(rows, limit, ({ id }) => [id]);
  return { rows: page.rows.map(runOf), next: page.next };
}

async function entriesOf(
  db: Kysely<Tables>,
  { id, device, orderedAt }: Pick<Run, "id" | "device" | "orderedAt">,
): ReturnType<RunStore["runEntries"]> {
  const rows = await db
    .selectFrom("journal")
    .select(["at", "received_at", "kind", "body"])
    .where("device", "=", device)
    .where("received_at", ">=", orderedAt)
    .where("kind", "in", told)
    .orderBy("received_at")
    .orderBy("epoch")
    .orderBy("seq")
    .limit(maxEntries)
    .execute();
  return rows
    .map(({ at, received_at: receivedAt, kind, body }) => ({
      ...{ at, receivedAt, kind },
      body: JSON.parse(body) as Record<string, unknown>,
    }))
    .filter(({ body }) => body["run"] === id);
}
