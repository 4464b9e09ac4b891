// Cuts a batch into messages: none too large, no line too long.
import { costOf, type LogLine, maxChunkCost, maxLineBytes } from "#shared/stream.ts";
import type { SourceItem } from "./source.ts";

const maxChunkLines = 1000;

export function* chunksOf({ lines, droppedBytes }: SourceItem): Generator<SourceItem> {
  let chunk: LogLine[] = [];
  let cost = 0;
  let dropped = droppedBytes;
  for (const whole of lines) {
    const { line, cutBytes } = cutLine(whole);
    if (chunk.length >= maxChunkLines || (chunk.length > 0 && cost + costOf(line) > maxChunkCost)) {
      yield { lines: chunk, droppedBytes: dropped };
      [chunk, cost, dropped] = [[], 0, 0];
    }
    chunk.push(line);
    cost += costOf(line);
    dropped += cutBytes;
  }
  if (chunk.length > 0 || dropped > 0) yield { lines: chunk, droppedBytes: dropped };
}

/** A cut in the middle of a character leaves that character out. */
function cutLine(line: LogLine): { line: LogLine; cutBytes: number } {
  const bytes = Buffer.byteLength(line.text);
  if (bytes <= maxLineBytes) return { line, cutBytes: 0 };
  const text = Buffer.from(line.text)
    .subarray(0, maxLineBytes)
    .toString("utf8")
    .replace(/\uFFFD$/, "");
  return { line: { ...line, text }, cutBytes: bytes - Buffer.byteLength(text) };
}
