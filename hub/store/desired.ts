// Desired states: one row per device, whose generation only rises.
import type { Kysely, Transaction } from "kysely";
import type { DesiredRow, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

type Methods = Pick<Store, "saveDesired" | "saveManyDesired" | "desired" | "allDesired">;

export function desiredStore(db: Kysely<Tables>): Methods {
  const saveMany = (rows: DesiredRow[]): Promise<void> =>
    db.transaction().execute(async (trx) => {
      for (const row of rows) await saveRow(trx, row);
    });
  return {
    saveDesired: (row) => saveMany([row]),
    saveManyDesired: saveMany,
    desired: async (device) => {
      const query = db.selectFrom("desired").selectAll().where("device", "=", device);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : desiredRow(row);
    },
    allDesired: async () => {
      const rows = await db.selectFrom("desired").selectAll().orderBy("device").execute();
      return rows.map(desiredRow);
    },
  };
}

/** The device's own row decides: only where its generation rises is the desired state replaced. */
async function saveRow(trx: Transaction<Tables>, row: DesiredRow): Promise<void> {
  const risen = await trx
    .updateTable("devices")
    .set({ desired_generation: row.generation, desired_hash: row.specHash })
    .where("id", "=", row.device)
    .where("desired_generation", "<", row.generation)
    .returning("id")
    .execute();
  if (risen.length > 0) await upsert(trx, row);
}

async function upsert(trx: Transaction<Tables>, row: DesiredRow): Promise<void> {
  const stored = {
    generation: row.generation,
    spec_hash: row.specHash,
    issued_at: row.issuedAt,
    content: JSON.stringify(row.content),
    envelope: JSON.stringify(row.envelope),
  };
  await trx
    .insertInto("desired")
    .values({ device: row.device, ...stored })
    .onConflict((conflict) => conflict.column("device").doUpdateSet(stored))
    .execute();
}

function desiredRow(row: Tables["desired"]): DesiredRow {
  return {
    device: row.device,
    generation: row.generation,
    specHash: row.spec_hash,
    issuedAt: row.issued_at,
    content: JSON.parse(row.content),
    envelope: JSON.parse(row.envelope),
  };
}
