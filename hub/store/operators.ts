// Operators, known by the sha256 of their token.
import type { Kysely } from "kysely";
import type { Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function operatorStore(db: Kysely<Tables>): Pick<Store, "addOperator" | "operatorByHash"> {
  return {
    addOperator: async (name, hash, now) => {
      await db
        .insertInto("operators")
        .values({ name, hash, created_at: now })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ hash }))
        .execute();
    },
    operatorByHash: async (hash) => {
      const query = db.selectFrom("operators").select("name").where("hash", "=", hash);
      return (await query.executeTakeFirst()) ?? null;
    },
  };
}
