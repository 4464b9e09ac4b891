// Reads a page of a device's updates: the finished ones by key, then the entries that tell their steps.
import type { Page, Store } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { EntryKind, JournalEntry } from "#shared/journal.ts";
import { assembleUpdates, attemptOf, type UpdateView } from "./update_view.ts";

export interface UpdateQuery {
  device: DeviceId;
  app?: string;
  limit: number;
  cursor?: string;
}

type Entry = JournalEntry & { epoch: string };

const kinds: EntryKind[] = ["update.started", "step.finished", "update.finished"];
const entriesPerRead = 500;
/** A bound on the work of one request: steps beyond it are left out, updates are not. */
const maxReads = 10;

/** @returns at most `limit` finished updates and, on the first page, those under way */
export async function readUpdates(
  store: Pick<Store, "journal">,
  query: UpdateQuery,
): Promise<Page<UpdateView>> {
  const ends = await store.journal({ ...query, kinds: ["update.finished"] });
  const finished = attemptsIn(ends.rows);
  const parts = await readParts(store, query, finished);
  const running = query.cursor === undefined ? runningIn(parts) : new Set<string>();
  const wanted = finished.union(running);
  return {
    rows: assembleUpdates(parts.filter((entry) => wanted.has(attemptOf(entry) ?? ""))),
    next: ends.next,
  };
}

function attemptsIn(entries: readonly Entry[]): Set<string> {
  return new Set(entries.flatMap((entry) => attemptOf(entry) ?? []));
}

/** Entries from the cursor back to the start of the oldest of these attempts. */
async function readParts(
  store: Pick<Store, "journal">,
  query: UpdateQuery,
  attempts: ReadonlySet<string>,
): Promise<Entry[]> {
  const open = new Set(attempts);
  const parts: Entry[] = [];
  let cursor = query.cursor;
  for (let read = 0; read < maxReads; read += 1) {
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.journal({ ...query, kinds, limit: entriesPerRead, ...from });
    parts.push(...page.rows);
    for (const started of attemptsIn(page.rows.filter(isStart))) open.delete(started);
    if (open.size === 0 || page.next === null) break;
    cursor = page.next;
  }
  return parts;
}

/** Attempts with no end, read from the top. An older epoch's will never end: that journal is gone. */
function runningIn(parts: readonly Entry[]): Set<string> {
  const present = parts.filter(({ epoch }) => epoch === parts[0]?.epoch);
  const ended = attemptsIn(present.filter(({ kind }) => kind === "update.finished"));
  return attemptsIn(present.filter(isStart)).difference(ended);
}

function isStart({ kind }: Entry): boolean {
  return kind === "update.started";
}
