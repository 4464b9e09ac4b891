// The lines of one device stream on their way to its readers: kept within a bound, read by each at its own
// pace. Who reads in time is never overtaken; who stalls while others read loses lines, and is told how many.
import { costOf, type LogLine } from "#shared/stream.ts";
import type { LogEnd, LogItem, LogReader, LogRequest } from "./port.ts";

export interface Tape {
  push(lines: readonly LogLine[], droppedBytes: number): void;
  /** What comes from now on was not there when the stream began. */
  catchUp(): void;
  end(end: LogEnd): void;
  /** @param from a place that `cover` gave, or the beginning */
  reader(from?: number): LogReader;
  /** The place from which a reader gets all that it asks for; undefined when some of it is no longer here,
   *  or never was.
   *  @param own what the stream itself was opened with */
  cover(wanted: LogRequest, own: LogRequest): number | undefined;
  /** Cost of the lines that every reader who counts has taken. */
  takenCost(): number;
  readers(): number;
}

interface Entry {
  item: Exclude<LogItem, LogEnd | { kind: "caughtUp" }>;
  /** Cost of all lines before it. */
  offset: number;
}

interface Cursor {
  next: number;
  /** Cost of all lines before `next`. */
  offset: number;
  /** When it last took something, or had nothing to take. */
  activeMs: number;
  /** Where what was there when the reader came ends; undefined: where the stream's own past does. */
  liveFrom: number | undefined;
  isCaughtUp: boolean;
  wake: () => void;
}

interface Options {
  keptCost: number;
  stallMs: number;
  monotonicMs: () => number;
  /** A reader took something or left. */
  onTaken: () => void;
}

export function createTape(options: Options): Tape {
  const { keptCost, stallMs, monotonicMs, onTaken } = options;
  /** No fewer than lines that fit. */
  const maxEntries = Math.ceil(keptCost / costOf({ at: 0, text: "" })) + 1;
  const cursors = new Set<Cursor>();
  let entries: Entry[] = [];
  let gone = 0;
  let total = 0;
  let liveFrom: number | undefined;
  let ending: LogEnd | undefined;

  const add = (item: Entry["item"]): void => {
    const now = monotonicMs();
    for (const cursor of cursors) if (cursor.next === gone + entries.length) cursor.activeMs = now;
    entries.push({ item, offset: total });
    if (item.kind === "line") total += costOf(item.line);
  };
  const trim = (): void => {
    // What was lost costs nothing, and a device can say so without end.
    let surplus = Math.max(0, entries.length - maxEntries);
    while (total - (entries[surplus]?.offset ?? total) > keptCost) surplus += 1;
    if (surplus === 0) return;
    entries = entries.slice(surplus);
    gone += surplus;
  };
  const wakeAll = (): void => {
    for (const cursor of cursors) cursor.wake();
  };
  const offsetAt = (place: number): number => entries[place - gone]?.offset ?? total;
  /** What the cursor reads now; it moves on. */
  const take = (cursor: Cursor): LogItem | undefined => {
    cursor.activeMs = monotonicMs();
    if (cursor.next < gone) {
      const bytes = offsetAt(gone) - cursor.offset;
      Object.assign(cursor, { next: gone, offset: offsetAt(gone) });
      if (bytes > 0) return { kind: "dropped", bytes };
    }
    if (!cursor.isCaughtUp && cursor.next >= (cursor.liveFrom ?? liveFrom ?? Infinity)) {
      cursor.isCaughtUp = true;
      return { kind: "caughtUp" };
    }
    const entry = entries[cursor.next - gone];
    if (entry === undefined) return undefined;
    cursor.next += 1;
    cursor.offset = offsetAt(cursor.next);
    onTaken();
    return entry.item;
  };
  async function* read(cursor: Cursor): AsyncGenerator<LogItem> {
    try {
      while (cursors.has(cursor)) {
        const item = take(cursor);
        if (item !== undefined) yield item;
        else if (ending !== undefined) {
          yield ending;
          return;
        } else await new Promise<void>((resolve) => Object.assign(cursor, { wake: resolve }));
      }
    } finally {
      leave(cursor);
    }
  }
  const leave = (cursor: Cursor): void => {
    if (cursors.delete(cursor)) onTaken();
    cursor.wake();
  };
  const isStalled = (cursor: Cursor): boolean =>
    cursor.next < gone + entries.length && monotonicMs() - cursor.activeMs >= stallMs;
  return {
    push: (lines, droppedBytes) => {
      if (droppedBytes > 0) add({ kind: "dropped", bytes: droppedBytes });
      for (const line of lines) add({ kind: "line", line });
      trim();
      wakeAll();
    },
    catchUp: () => {
      liveFrom ??= gone + entries.length;
      wakeAll();
    },
    end: (end) => {
      ending ??= end;
      wakeAll();
    },
    reader: (from = gone) => {
      const cursor: Cursor = {
        next: from,
        offset: offsetAt(from),
        activeMs: monotonicMs(),
        liveFrom: liveFrom === undefined ? undefined : gone + entries.length,
        isCaughtUp: false,
        wake: () => undefined,
      };
      cursors.add(cursor);
      const items = read(cursor);
      return { [Symbol.asyncIterator]: () => items, close: () => leave(cursor) };
    },
    cover: (wanted, own) => {
      const place = placeOf(entries, wanted);
      const isWhole = gone === 0 && own.tail >= wanted.tail && startOf(own) <= startOf(wanted);
      return place > 0 || isWhole ? gone + place : undefined;
    },
    takenCost: () => {
      const all = [...cursors];
      const counted = all.filter((cursor) => !isStalled(cursor));
      const slowest = (counted.length > 0 ? counted : all).map(({ offset }) => offset);
      return Math.min(total, ...slowest);
    },
    readers: () => cursors.size,
  };
}

function startOf({ sinceMs = -Infinity }: LogRequest): number {
  return sinceMs;
}

/** Counted in entries: behind it are at most `tail` lines, none older than `sinceMs`. Above 0 there is one
 *  before it that is not wanted, so nothing that is wanted is missing. */
function placeOf(entries: readonly Entry[], { tail, sinceMs = -Infinity }: LogRequest): number {
  let lines = 0;
  for (let place = entries.length; place > 0; place -= 1) {
    const item = entries[place - 1]?.item;
    if (item?.kind !== "line") continue;
    if (lines >= tail || item.line.at < sinceMs) return place;
    lines += 1;
  }
  return 0;
}
