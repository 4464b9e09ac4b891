// The devices of a rollout, a page at a time in the order of their release.
import type { Kysely } from "kysely";
import { z } from "zod";
import type { Member } from "#hub/rollout/advance/model.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import type { Page } from "./port.ts";
import type { MemberQuery } from "./rollout_port.ts";
import type { Tables } from "./tables.ts";

const Cursor = z.tuple([z.number()]);

export async function memberPage(
  db: Kysely<Tables>,
  { rollout, limit, cursor }: MemberQuery,
): Promise<Page<Member>> {
  const after = cursor === undefined ? -1 : decodeCursor(cursor, Cursor)[0];
  const rows = await db
    .selectFrom("rollout_devices")
    .select(["device", "state", "step", "deadline_at as deadlineAt", "reason", "place"])
    .where("rollout", "=", rollout)
    .where("place", ">", after)
    .orderBy("place")
    .limit(limit + 1)
    .execute();
  const { rows: shown, next } = pageOf(rows, limit, ({ place }) => [place]);
  return { rows: shown.map(({ place: _, ...member }) => member), next };
}
