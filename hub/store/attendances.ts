// When a hub was there, one row for each of its lives; the time between two of them is an absence.
import type { Kysely } from "kysely";
import type { Absence } from "#hub/run/absence.ts";
import type { AttendanceStore } from "./attendance_port.ts";
import type { Tables } from "./tables.ts";

/** More lives than a hub has in the longest time that a run may take to begin, if it does not crash all the time. */
const keptLives = 1000;

export function attendanceStore(db: Kysely<Tables>): AttendanceStore {
  return {
    attend: (beganAt, seenAt) =>
      db.transaction().execute(async (trx) => {
        await trx
          .insertInto("attendances")
          .values({ began_at: beganAt, seen_at: seenAt })
          .onConflict((conflict) => conflict.column("began_at").doUpdateSet({ seen_at: seenAt }))
          .execute();
        const kept = trx
          .selectFrom("attendances")
          .select("began_at")
          .orderBy("began_at", "desc")
          .limit(keptLives);
        await trx.deleteFrom("attendances").where("began_at", "not in", kept).execute();
      }),
    absences: async () => {
      const lives = await db.selectFrom("attendances").selectAll().orderBy("began_at").execute();
      const pauses = await db.selectFrom("pauses").select(["began_at", "ended_at"]).execute();
      return [
        ...lives.map(
          ({ began_at: until }, at): Absence => ({ from: lives[at - 1]?.seen_at ?? 0, until }),
        ),
        ...pauses.map(({ began_at: from, ended_at: until }): Absence => ({ from, until })),
      ];
    },
  };
}
