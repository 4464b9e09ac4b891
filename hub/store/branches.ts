// The last known state of each branch of the fleet repository.
import type { Kysely } from "kysely";
import type { Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function branchStore(db: Kysely<Tables>): Pick<Store, "saveBranch" | "branches"> {
  return {
    saveBranch: async ({ branch, checkedAt, ...rest }) => {
      const state = { ...rest, checked_at: checkedAt };
      await db
        .insertInto("branches")
        .values({ branch, ...state })
        .onConflict((conflict) => conflict.column("branch").doUpdateSet(state))
        .execute();
    },
    branches: async () => {
      const rows = await db.selectFrom("branches").selectAll().orderBy("branch").execute();
      return rows.map(({ checked_at, ...rest }) => ({ ...rest, checkedAt: checked_at }));
    },
  };
}
