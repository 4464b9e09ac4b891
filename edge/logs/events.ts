// The device's own events from its journal, as lines.
import type { Journal } from "#edge/journal/port.ts";
import type { Clock } from "#shared/clock.ts";
import { EventBody, type JournalEntry } from "#shared/journal.ts";
import type { LogLine } from "#shared/stream.ts";
import type { SourceItem, Wanted } from "./source.ts";

const lookMs = 1000;
/** Of one look; what came beyond it between two looks is seen at the hub. */
const maxNew = 200;

export async function* followEvents(
  parts: { journal: Pick<Journal, "entries" | "epoch">; clock: Clock },
  { tail, sinceMs = -Infinity, follow, signal }: Wanted,
): AsyncGenerator<SourceItem> {
  const { journal, clock } = parts;
  const newest = (limit: number): JournalEntry[] => journal.entries({ kinds: ["event"], limit });
  const old = newest(Math.max(1, tail));
  let { epoch } = journal;
  let seq = old[0]?.seq ?? 0;
  const wanted = tail === 0 ? [] : old.filter(({ at }) => at >= sinceMs);
  yield { lines: wanted.toReversed().map(lineOf), droppedBytes: 0, caughtUp: true };
  while (follow && !signal.aborted) {
    await clock.sleep(lookMs, signal);
    // A journal that was rebuilt counts from one again.
    if (journal.epoch !== epoch) seq = 0;
    ({ epoch } = journal);
    const fresh = newest(maxNew).filter((entry) => entry.seq > seq);
    seq = fresh[0]?.seq ?? seq;
    if (fresh.length > 0) yield { lines: fresh.toReversed().map(lineOf), droppedBytes: 0 };
  }
}

function lineOf({ at, app, body }: JournalEntry): LogLine {
  const event = EventBody.safeParse(body).data;
  const said = event === undefined ? JSON.stringify(body) : `${event.reason}: ${event.message}`;
  const stream = event?.type === "Warning" ? "stderr" : "stdout";
  return { at, stream, ...(app === undefined ? {} : { from: app }), text: said };
}
