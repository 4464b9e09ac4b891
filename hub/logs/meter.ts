// Counts what all readers of live logs are given, and what they are told was lost.
import type { LogCounts, LogItem, LogReader } from "./port.ts";

export interface LogMeter {
  /** The same reader, whose items are counted as it takes them. */
  counting(reader: LogReader): LogReader;
  totals(): Pick<LogCounts, "lines" | "droppedBytes">;
}

export function createLogMeter(): LogMeter {
  let lines = 0;
  let droppedBytes = 0;
  const note = (item: LogItem): void => {
    if (item.kind === "line") lines += 1;
    else if (item.kind === "dropped") droppedBytes += item.bytes;
  };
  async function* read(reader: LogReader): AsyncGenerator<LogItem> {
    for await (const item of reader) {
      note(item);
      yield item;
    }
  }
  return {
    counting: (reader) => {
      const items = read(reader);
      return { [Symbol.asyncIterator]: () => items, close: reader.close };
    },
    totals: () => ({ lines, droppedBytes }),
  };
}
