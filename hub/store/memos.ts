// Memos as they were sealed or came back, the identities that they rest on, and the pause of the fleet.
import type { Kysely, Transaction } from "kysely";
import { addDevice } from "./changes.ts";
import { chunksOf } from "./chunks.ts";
import { insertEvents } from "./events.ts";
import type { Identity, MemoRow, MemoStore } from "./memo_port.ts";
import { mergeFleet, mergeOwn, readSlices } from "./memo_slices.ts";
import type { Tables } from "./tables.ts";

export function memoStore(db: Kysely<Tables>): MemoStore {
  return {
    memoSlices: () => readSlices(db),
    memos: async () => {
      const rows = await db.selectFrom("memos").selectAll().orderBy("device").execute();
      return rows.map(({ envelope, ...row }) => ({ ...row, envelope: JSON.parse(envelope) }));
    },
    saveMemos: (rows) => db.transaction().execute((trx) => saveMemos(trx, rows)),
    mergeOwn: (device, own) => mergeOwn(db, device, own),
    mergeFleet: (fleet) => mergeFleet(db, fleet),
    keepSnapshot: async ({ id, place }, fleet) => {
      await db
        .insertInto("snapshots")
        .values({ id, place, body: JSON.stringify(fleet) })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    },
    identity: async (device) => {
      const row = await db
        .selectFrom("devices")
        .select(["secret_hash", "agent_labels", "enrolled_at", "identity_at"])
        .where("id", "=", device)
        .executeTakeFirst();
      if (row === undefined) return null;
      return {
        device,
        secretHash: row.secret_hash,
        labels: JSON.parse(row.agent_labels),
        enrolledAt: row.enrolled_at,
        issuedAt: row.identity_at,
      };
    },
    takeBack: (identity) => db.transaction().execute((trx) => takeBack(trx, identity)),
    ...pauseStore(db),
  };
}

async function saveMemos(trx: Transaction<Tables>, rows: MemoRow[]): Promise<void> {
  for (const chunk of chunksOf(rows)) {
    const values = chunk.map(({ envelope, ...row }) => ({
      ...row,
      envelope: JSON.stringify(envelope),
    }));
    await trx
      .insertInto("memos")
      .values(values)
      .onConflict((conflict) =>
        conflict.column("device").doUpdateSet((eb) => ({
          version: eb.ref("excluded.version"),
          hash: eb.ref("excluded.hash"),
          envelope: eb.ref("excluded.envelope"),
        })),
      )
      .execute();
  }
}

async function takeBack(
  trx: Transaction<Tables>,
  identity: Identity,
): ReturnType<MemoStore["takeBack"]> {
  const { device, secretHash, issuedAt } = identity;
  const known = await trx
    .selectFrom("devices")
    .select(["secret_hash", "identity_at"])
    .where("id", "=", device)
    .executeTakeFirst();
  if (known === undefined) {
    await addDevice(trx, identity);
    return "added";
  }
  if (known.secret_hash === secretHash) return "same";
  if (known.identity_at >= issuedAt) return "newer";
  await trx
    .updateTable("devices")
    .set({ secret_hash: secretHash, identity_at: issuedAt })
    .where("id", "=", device)
    .execute();
  return "replaced";
}

/** An old copy does not know which of its tokens were redeemed since: a second device could take a first one's
 *  place with what still stands in that one's configuration. */
async function endTokens(trx: Transaction<Tables>, now: number): Promise<void> {
  await trx
    .updateTable("tokens")
    .set({ expires_at: now })
    .where("used_by", "is", null)
    .where("expires_at", ">", now)
    .execute();
}

function pauseStore(db: Kysely<Tables>): Pick<MemoStore, "pause" | "setPause" | "resumedAt"> {
  return {
    pause: async () => {
      const row = await db
        .selectFrom("pauses")
        .selectAll()
        .where("ended_at", "is", null)
        .executeTakeFirst();
      return row === undefined ? null : { cause: row.cause, reason: row.reason, at: row.began_at };
    },
    setPause: (pause, event) =>
      db.transaction().execute(async (trx) => {
        await trx
          .updateTable("pauses")
          .set({ ended_at: event.at })
          .where("ended_at", "is", null)
          .execute();
        if (pause !== null) {
          await endTokens(trx, pause.at);
          const { cause, reason, at } = pause;
          const row = { cause, reason, began_at: at, ended_at: null };
          await trx
            .insertInto("pauses")
            .values(row)
            .onConflict((conflict) => conflict.column("began_at").doUpdateSet(row))
            .execute();
        }
        return insertEvents(trx, [event]);
      }),
    resumedAt: async () => {
      const row = await db
        .selectFrom("pauses")
        .select((eb) => eb.fn.max("ended_at").as("at"))
        .executeTakeFirst();
      return Number(row?.at ?? 0);
    },
  };
}
