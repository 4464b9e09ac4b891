// What `get` must know of a kind of thing: its names, columns, filters, and how it is read.
import type { Client, ListQuery } from "#hub/cli/api/client.ts";
import type { WatchMessage } from "#hub/cli/api/stream.ts";
import { rfc3339, shortDuration } from "#hub/cli/terminal/age.ts";
import type { Column } from "#hub/cli/terminal/table.ts";

export interface Resource<T> {
  /** One of it, as `-o name` writes it. */
  kind: string;
  /** Whether a name means one thing, as a device's does, or all that belong to it. */
  isUnique: boolean;
  /** Named ones are read one by one, so that no filter holds for them. */
  isOneByOne?: true;
  /** Query fields of the API by which a list may be filtered. */
  fields: readonly string[];
  /** Fields by which the server sorts. */
  sorts: readonly string[];
  takesSelector: boolean;
  columns(view: TimeView): Column<T>[];
  nameOf(row: T): string;
  list(client: Client, query: ListQuery, names: readonly string[]): AsyncIterable<T>;
  /** The things that a message of the watch stream tells of; absent where the stream tells none. */
  changed?(message: WatchMessage): T[];
  /** Whether the same filters hold for a thing that the watch stream told of. */
  isWanted?(row: T, query: ListQuery): boolean;
}

/** How times are shown. */
export interface TimeView {
  /** Unix ms. */
  now: number;
  /** An age for people; the time itself in wide tables. */
  times: "age" | "rfc3339";
}

export function when(at: number | null | undefined, { now, times }: TimeView): string {
  if (at === null || at === undefined) return "";
  return times === "age" ? shortDuration(now - at) : rfc3339(at);
}

export function shortId(id: string | null | undefined): string {
  return (id ?? "").slice(0, 7);
}

/** Each named thing, in the order of the names.
 *  @param find undefined where nothing has the name */
export async function* named<T>(
  names: readonly string[],
  find: (name: string) => Promise<T[] | undefined>,
  unknown: (names: string[]) => Promise<Error>,
): AsyncGenerator<T> {
  const missing: string[] = [];
  for (const name of names) {
    const found = await find(name);
    if (found === undefined) missing.push(name);
    else yield* found;
  }
  if (missing.length > 0) throw await unknown(missing);
}
