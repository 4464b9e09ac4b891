// The last lines of one speaker in bounded memory, read by any number of followers at their own pace.
import { createWake, type Wake } from "#edge/sync/wake.ts";
import { costOf, type LogLine } from "#shared/stream.ts";
import type { SourceItem, Wanted } from "./source.ts";

export interface LineRing {
  write(line: LogLine): void;
  /** Nothing more will be written: followers end once they have read all. */
  end(): void;
  follow(wanted: Wanted): AsyncIterable<SourceItem>;
}

interface Entry {
  line: LogLine;
  /** Cost of all lines before it. */
  offset: number;
}

const batchCost = 32 * 1024;

export function createLineRing({ maxCost }: { maxCost: number }): LineRing {
  let entries: Entry[] = [];
  /** Lines that are gone. */
  let gone = 0;
  let total = 0;
  let isEnded = false;
  const wakes = new Set<Wake>();

  const trim = (): void => {
    const isOver = (from: number): boolean => total - (entries[from]?.offset ?? total) > maxCost;
    // In large steps: moving all entries for each new one would be work for nothing.
    if (!isOver(Math.ceil(entries.length / 4))) return;
    let surplus = 0;
    while (isOver(surplus)) surplus += 1;
    entries = entries.slice(surplus);
    gone += surplus;
  };
  const begin = ({ tail, sinceMs = -Infinity }: Wanted): number => {
    const first = Math.max(0, entries.length - tail);
    const recent = entries.slice(first).findIndex(({ line }) => line.at >= sinceMs);
    return gone + (recent === -1 ? entries.length : first + recent);
  };
  /** @param offset of the first line that was not read */
  const batch = (from: number, offset: number): SourceItem => {
    const start = Math.max(0, from - gone);
    const first = entries[start]?.offset ?? total;
    const lines: LogLine[] = [];
    for (let at = start; at < entries.length; at += 1) {
      const entry = entries[at];
      if (entry === undefined || entry.offset - first >= batchCost) break;
      lines.push(entry.line);
    }
    return { lines, droppedBytes: first - offset };
  };
  async function* follow(wanted: Wanted): AsyncGenerator<SourceItem> {
    const { signal } = wanted;
    const wake = createWake();
    wakes.add(wake);
    try {
      let next = begin(wanted);
      let offset = entries[next - gone]?.offset ?? total;
      const until = gone + entries.length;
      // Who asks learns that the log is open, though it may have nothing to say.
      if (next === until) yield { lines: [], droppedBytes: 0, caughtUp: true };
      while (!signal.aborted) {
        if (next < gone + entries.length && (wanted.follow || next < until)) {
          const isPast = next < until;
          const item = batch(next, offset);
          next = Math.max(next, gone) + item.lines.length;
          offset = entries[next - gone]?.offset ?? total;
          yield isPast && next >= until ? { ...item, caughtUp: true } : item;
        } else if (isEnded || !wanted.follow) return;
        else await wake.wait(signal);
      }
    } finally {
      wakes.delete(wake);
    }
  }
  return {
    write: (line) => {
      entries.push({ line, offset: total });
      total += costOf(line);
      trim();
      for (const wake of wakes) wake.set();
    },
    end: () => {
      isEnded = true;
      for (const wake of wakes) wake.set();
    },
    follow,
  };
}
