// Brings a database to this hub's schema, and refuses one that a newer hub has written.
import { type Kysely, sql } from "kysely";
import { FleetError } from "#shared/errors.ts";
import { type Migration, migrations } from "./migrations.ts";
import type { Tables } from "./tables.ts";

/** Applies the missing steps, each in a transaction of its own.
 *  @throws FleetError store_unavailable when the database is newer than this hub */
export async function migrate(
  db: Kysely<Tables>,
  now: number,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  await sql`create table if not exists migrations (
    id bigint primary key not null,
    name text not null,
    applied_at bigint not null
  )`.execute(db);
  const applied = await versionOf(db);
  refuseNewer(applied, steps.at(-1)?.id ?? 0);
  for (const step of steps.filter(({ id }) => id > applied)) await apply(db, step, now);
}

async function versionOf(db: Kysely<Tables>): Promise<number> {
  const newest = await db
    .selectFrom("migrations")
    .select("id")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return newest?.id ?? 0;
}

function refuseNewer(applied: number, known: number): void {
  if (applied <= known) return;
  throw new FleetError("store_unavailable", {
    message: `the database has schema ${applied}, but this hub knows only schemas up to ${known}`,
    hint: "Start the hub's newer version, or restore a backup from before its first start.",
    retry: "never",
  });
}

async function apply(db: Kysely<Tables>, step: Migration, now: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const statement of step.statements) await sql.raw(statement).execute(trx);
    await trx
      .insertInto("migrations")
      .values({ id: step.id, name: step.name, applied_at: now })
      .execute();
  });
}
