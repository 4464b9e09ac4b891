// The log of a run, read from its device's journal in order.
import { type Kysely, sql } from "kysely";
import { z } from "zod";
import type { Run } from "#hub/run/model.ts";
import { RunLogBody } from "#shared/run.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { RunLogItem, RunLogPage } from "./runs_port.ts";
import type { Tables } from "./tables.ts";

const Cursor = z.tuple([z.number(), z.string(), z.number()]);

type Row = Pick<Tables["journal"], "at" | "received_at" | "epoch" | "seq" | "body">;

/** Chunks of other runs of the same time are passed over, so that a page may be shorter than its limit and
 *  still not be the last. */
export async function readRunLog(
  db: Kysely<Tables>,
  run: Pick<Run, "id" | "device" | "orderedAt">,
  { limit, cursor }: { limit: number; cursor?: string },
): Promise<RunLogPage> {
  let select = logOf(db, run);
  if (cursor !== undefined) {
    const [arrived, epoch, seq] = decodeCursor(cursor, Cursor);
    select = select.where(sql<boolean>`(received_at, epoch, seq) > (${arrived}, ${epoch}, ${seq})`);
  }
  const rows = await select
    .orderBy("received_at")
    .orderBy("epoch")
    .orderBy("seq")
    .limit(limit + 1)
    .execute();
  const shown = rows.slice(0, limit);
  return {
    items: shown.flatMap((row) => itemOf(row, run.id)),
    cursor: cursorAfter(shown) ?? cursor ?? null,
    hasMore: rows.length > limit,
  };
}

/** Null when the device's last chunk is of another run. */
export async function lastLogAt(
  db: Kysely<Tables>,
  run: Pick<Run, "id" | "device" | "orderedAt">,
): Promise<number | null> {
  const row = await logOf(db, run).orderBy("received_at", "desc").limit(1).executeTakeFirst();
  return row !== undefined && itemOf(row, run.id).length > 0 ? row.received_at : null;
}

function logOf(db: Kysely<Tables>, { device, orderedAt }: Pick<Run, "device" | "orderedAt">) {
  return db
    .selectFrom("journal")
    .select(["at", "received_at", "epoch", "seq", "body"])
    .where("device", "=", device)
    .where("received_at", ">=", orderedAt)
    .where("kind", "=", "run.log");
}

function cursorAfter(rows: readonly Row[]): string | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : encodeCursor([last.received_at, last.epoch, last.seq]);
}

function itemOf({ at, body }: Row, id: string): RunLogItem[] {
  const parsed = RunLogBody.safeParse(JSON.parse(body)).data;
  if (parsed?.run !== id) return [];
  const { run: _, ...rest } = parsed;
  return [{ at, ...rest }];
}
