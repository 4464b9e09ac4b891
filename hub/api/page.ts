// A page of a list that the hub holds in memory: by key, as the store pages its rows.
import { z } from "@hono/zod-openapi";
import { decodeCursor, pageOf } from "#hub/store/cursor.ts";
import type { PageQuery } from "./schema.ts";

/** What a list is sorted by: numbers by size, text by code unit. Each item's key is its own. */
type Key = [rank: number, name: number | string];

const Cursor = z.tuple([z.number(), z.union([z.number(), z.string()])]);

/** @throws FleetError request_invalid for a cursor that this kind of list did not give out */
export function pageInMemory<T>(
  all: readonly T[],
  keyOf: (item: T) => Key,
  { limit, cursor }: z.infer<typeof PageQuery>,
): { items: T[]; next: string | null } {
  const from = cursor === undefined ? undefined : decodeCursor<Key>(cursor, Cursor);
  const { rows, next } = pageOf(
    all
      .filter((item) => from === undefined || order(keyOf(item), from) > 0)
      .toSorted((one, other) => order(keyOf(one), keyOf(other))),
    limit,
    keyOf,
  );
  return { items: rows, next };
}

function order([rank, name]: Key, [otherRank, otherName]: Key): number {
  if (rank !== otherRank) return rank - otherRank;
  return name < otherName ? -1 : name > otherName ? 1 : 0;
}
