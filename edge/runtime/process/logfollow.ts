// Follows the two output files of a copy: looks now and then for what was appended.
import { setTimeout as wait } from "node:timers/promises";
import { createLineCutter } from "#edge/runtime/lines.ts";
import type { LogBatch, LogLine } from "#edge/runtime/port.ts";
import { maxLineBytes } from "#shared/stream.ts";
import type { LogFile } from "./logfile.ts";

type Stream = LogLine["stream"];

const lookMs = 200;
const pieceBytes = 32 * 1024;

interface Options {
  streams: Record<Stream, Pick<LogFile, "read">>;
  /** Where each begins. */
  places: Record<Stream, number>;
  /** The copy will write no more. */
  isOver: () => boolean;
  signal: AbortSignal;
}

export async function* followFiles(options: Options): AsyncGenerator<LogBatch> {
  const { signal, isOver } = options;
  const readers = [readerOf("stdout", options), readerOf("stderr", options)];
  while (!signal.aborted) {
    const wasOver = isOver();
    let isMore = false;
    for (const read of readers) {
      const batch = await read();
      if (batch === undefined) continue;
      isMore = true;
      if (batch.lines.length > 0 || batch.droppedBytes > 0) yield batch;
    }
    if (isMore) continue;
    if (wasOver) return;
    await wait(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns reads the next piece; undefined when there is nothing new */
function readerOf(stream: Stream, { streams, places }: Options) {
  const cutter = createLineCutter(maxLineBytes);
  let place = places[stream];
  return async (): Promise<LogBatch | undefined> => {
    const piece = await streams[stream].read(place, pieceBytes);
    place = piece.place;
    if (piece.bytes.length === 0 && piece.lostBytes === 0) return undefined;
    if (piece.lostBytes > 0) cutter.skip();
    const at = Math.round(piece.at);
    const lines = cutter.push(piece.bytes).map((text) => ({ at, stream, text }));
    return { lines, droppedBytes: piece.lostBytes + cutter.takeDropped() };
  };
}
