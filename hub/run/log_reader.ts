// A run's log as a stream: what is kept, and then what comes, until the run is over.
import type { Bus } from "#hub/bus.ts";
import type { LogItem, LogReader } from "#hub/logs/port.ts";
import type { Store } from "#hub/store/port.ts";
import type { RunLogItem } from "#hub/store/runs_port.ts";
import { isOver, type Run } from "./model.ts";

interface Options {
  store: Pick<Store, "run" | "runLog">;
  bus: Bus;
  run: Run;
  /** Goes on until the run is over. */
  follow: boolean;
  /** Lines from before, at most. */
  tail: number;
}

const pageSize = 200;

/** Pulled: a page is read only when the one before was taken. */
export function createRunLogReader({ store, bus, run, follow, tail }: Options): LogReader {
  const closing = new AbortController();
  let changed = Promise.withResolvers<void>();
  const stopListening = bus.on("run", (device) => {
    if (device !== run.device) return;
    changed.resolve();
    changed = Promise.withResolvers();
  });
  const close = (): void => {
    stopListening();
    closing.abort();
    changed.resolve();
  };
  let cursor: string | undefined;
  const page = async (): Promise<{ lines: LogItem[]; hasMore: boolean }> => {
    const given = cursor === undefined ? {} : { cursor };
    const read = await store.runLog(run, { limit: pageSize, ...given });
    cursor = read.cursor ?? cursor;
    return { lines: read.items.flatMap((item) => linesOf(run, item)), hasMore: read.hasMore };
  };
  /** The whole of what is kept is bounded, and most of it may have to be left out. */
  const kept = async (): Promise<LogItem[]> => {
    const lines: LogItem[] = [];
    for (let more = true; more; ) {
      const read = await page();
      lines.push(...read.lines);
      more = read.hasMore;
    }
    return tail === 0 ? [] : lines.slice(-tail);
  };
  const isDone = async (): Promise<boolean> => {
    const now = await store.run(run.id);
    return now === null || (isOver(now.head) && !now.head.isStanding);
  };
  async function* items(): AsyncGenerator<LogItem> {
    try {
      yield* await kept();
      if (follow) yield { kind: "caughtUp" };
      while (follow && !closing.signal.aborted) {
        const next = changed.promise;
        // Asked before the last look, so that nothing is told between the two.
        const wasDone = await isDone();
        const { lines, hasMore } = await page();
        yield* lines;
        if (wasDone && !hasMore) break;
        if (!hasMore && lines.length === 0) await next;
      }
      yield { kind: "end", reason: "complete", message: "this is all of the run's log" };
    } finally {
      close();
    }
  }
  return { [Symbol.asyncIterator]: items, close };
}

/** A chunk is cut at line ends as far as it could be. */
function linesOf({ steps }: Run, { at, index, stream, text, isCut }: RunLogItem): LogItem[] {
  const from = steps[index]?.kind ?? `step ${index + 1}`;
  const lines = text.replace(/\n$/, "").split("\n");
  const items = lines.map(
    (line): LogItem => ({
      kind: "line",
      line: { at, from, text: line, ...(stream === "agent" ? {} : { stream }) },
    }),
  );
  const cut = { at, from, text: "the log is longer than what is kept of it" };
  return isCut === true ? [...items, { kind: "line", line: cut }] : items;
}
