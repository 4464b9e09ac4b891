// Opaque page cursors: the sort key of the last row, so that a page starts right after it.
import type { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import type { Page } from "./port.ts";

type Key = (string | number)[];

export function encodeCursor(key: Key): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** @throws FleetError request_invalid for a cursor that this kind of list did not give out */
export function decodeCursor<T extends Key>(cursor: string, shape: z.ZodType<T>): T {
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch (cause) {
    throw new FleetError("request_invalid", {
      message: "the cursor is not one that this list gave out",
      hint: "Start again without a cursor.",
      cause,
    });
  }
}

/** A page from up to `limit + 1` rows: the extra one tells that there is more. */
export function pageOf<T>(rows: T[], limit: number, keyOf: (row: T) => Key): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: shown, next: more ? encodeCursor(keyOf(last)) : null };
}
