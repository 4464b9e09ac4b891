// A journal in memory, by the same rules as the one on disk, so that thousands fit into one process.
import { randomUUID } from "node:crypto";
import { compare } from "#edge/journal/desired.ts";
import type { SyncJournal } from "#edge/sync/port.ts";
import type { Clock } from "#shared/clock.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { JournalAck, JournalEntry } from "#shared/journal.ts";

export interface MemoryJournal extends SyncJournal {
  /** Entries so far, and how many of them the hub has acknowledged. */
  counts(): { entries: number; acknowledged: number };
}

/** Acknowledged entries that stay, for a hub that was restored from an older copy. */
const kept = 100;

export function createMemoryJournal(clock: Clock, bootId: string): MemoryJournal {
  const epoch = randomUUID();
  let entries: JournalEntry[] = [];
  let last = 0;
  let mark = 0;
  let held:
    | { desired: DesiredState; envelope: Envelope; generation: number; specHash: string }
    | undefined;

  const append: SyncJournal["append"] = ({ kind, app, body }) => {
    last += 1;
    const at = Math.round(clock.now());
    const times = { at, monotonicMs: clock.monotonicMs() };
    entries.push({
      seq: last,
      bootId,
      ...times,
      kind,
      ...(app === undefined ? {} : { app }),
      body,
    });
    return last;
  };
  const acknowledge = (ack: JournalAck): void => {
    if (ack.epoch !== epoch || ack.seq > last) return;
    mark = ack.seq;
    const first = entries[0]?.seq ?? 0;
    if (mark - first > 2 * kept) entries = entries.filter(({ seq }) => seq > mark - kept);
  };
  return {
    epoch,
    append,
    acknowledge,
    counts: () => ({ entries: last, acknowledged: mark }),
    envelope: () => held?.envelope,
    receive: (desired, envelope) => {
      const verdict = compare(desired, held);
      if (verdict !== "accepted") return verdict;
      const { generation } = desired;
      held = { desired, envelope, generation, specHash: specHash(desired) };
      append({ kind: "desired.received", body: { generation, specHash: held.specHash } });
      return verdict;
    },
    desired: () => held?.desired,
    entries: ({ kinds, limit }) =>
      entries
        .filter(({ kind }) => kinds?.includes(kind) ?? true)
        .slice(-limit)
        .toReversed(),
    batch: (limits) => {
      const taken = takeUpTo(entries, mark, limits);
      const to = taken.at(-1)?.seq;
      return to === undefined ? undefined : { epoch, from: mark + 1, to, entries: taken };
    },
  };
}

function takeUpTo(
  entries: JournalEntry[],
  mark: number,
  { maxEntries, maxBytes }: { maxEntries: number; maxBytes: number },
): JournalEntry[] {
  const taken: JournalEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (entry.seq <= mark) continue;
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (taken.length > 0 && (bytes > maxBytes || taken.length >= maxEntries)) break;
    taken.push(entry);
  }
  return taken;
}
