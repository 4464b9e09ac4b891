// Pins, each with what its devices are rendered from, and the edits of one device.
import type { Kysely, Selectable, Transaction } from "kysely";
import { laidOver } from "#hub/control/compute/edits.ts";
import type { Pin } from "#hub/control/overrides.ts";
import { insertEvents } from "./events.ts";
import type { PinRow, PinStore } from "./pin_port.ts";
import type { Tables } from "./tables.ts";

export function pinStore(db: Kysely<Tables>): PinStore {
  return {
    pins: async () => {
      const rows = await db.selectFrom("pins").selectAll().orderBy("id").execute();
      return rows.map(pinRow);
    },
    addPin: ({ pin, source }, eventOf) =>
      db.transaction().execute(async (trx) => {
        const row: PinRow = { pin: { id: await takeId(trx), ...pin }, source };
        await removeSameScope(trx, row.pin);
        await trx.insertInto("pins").values(columnsOf(row)).execute();
        return { row, events: await insertEvents(trx, [eventOf(row.pin)]) };
      }),
    setPinSource: async (id, source) => {
      await db
        .updateTable("pins")
        .set({ source: JSON.stringify(source) })
        .where("id", "=", id)
        .execute();
    },
    removePin: (id, event) =>
      db.transaction().execute(async (trx) => {
        const gone = await trx.deleteFrom("pins").where("id", "=", id).executeTakeFirstOrThrow();
        return gone.numDeletedRows === 0n ? null : insertEvents(trx, [event]);
      }),
    editDevice: (device, change, events) =>
      db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom("devices")
          .select("edits")
          .where("id", "=", device)
          .executeTakeFirst();
        if (row === undefined) return null;
        const edits = JSON.stringify(laidOver(JSON.parse(row.edits), change));
        await trx.updateTable("devices").set({ edits }).where("id", "=", device).execute();
        return insertEvents(trx, [...events]);
      }),
  };
}

async function removeSameScope(trx: Transaction<Tables>, pin: Pin): Promise<void> {
  const { deployment, device = null, labelSelector = null } = pin;
  // PostgreSQL knows `is` for null alone.
  await trx
    .deleteFrom("pins")
    .where("deployment", "=", deployment)
    .where("device", device === null ? "is" : "=", device)
    .where("label_selector", labelSelector === null ? "is" : "=", labelSelector)
    .execute();
}

async function takeId(trx: Transaction<Tables>): Promise<number> {
  const { value } = await trx
    .insertInto("counters")
    .values({ name: "pins", value: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({ value: eb("counters.value", "+", 1) })),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  return Number(value);
}

function columnsOf({ pin, source }: PinRow): Tables["pins"] {
  return {
    id: pin.id,
    deployment: pin.deployment,
    device: pin.device ?? null,
    label_selector: pin.labelSelector ?? null,
    branch: pin.branch,
    commit_id: pin.commit,
    role: pin.role,
    digest: pin.digest,
    operator: pin.operator,
    reason: pin.reason,
    at: pin.at,
    until: pin.until ?? null,
    source: source === null ? null : JSON.stringify(source),
  };
}

function pinRow(row: Selectable<Tables["pins"]>): PinRow {
  const { id, deployment, device, branch, role, digest, operator, reason, at, until } = row;
  const pin: Pin = {
    ...{ id, deployment, branch, commit: row.commit_id, role, digest, operator, reason, at },
    ...(device === null ? {} : { device }),
    ...(row.label_selector === null ? {} : { labelSelector: row.label_selector }),
    ...(until === null ? {} : { until }),
  };
  return { pin, source: row.source === null ? null : JSON.parse(row.source) };
}
