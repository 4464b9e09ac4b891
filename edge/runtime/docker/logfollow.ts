// Follows a container's output: the last lines, then each new one, over restarts of the container.
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { createFrameCutter, type Frame } from "#edge/runtime/docker/calls/stream.ts";
import { createLineCutter } from "#edge/runtime/lines.ts";
import type { LogBatch, LogFollow, LogLine } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { maxLineBytes } from "#shared/stream.ts";
import type { Engine } from "./engine.ts";

interface Parts {
  engine: Pick<Engine, "inspectContainer" | "openLogs">;
  clock: Pick<Clock, "sleep">;
}

interface Wanted {
  tail: number;
  sinceMs?: number;
  signal: AbortSignal;
}

/** A line with the Engine's own time, which is exact enough to go on from. */
interface StampedLine extends LogLine {
  atNs: bigint;
}

/** Of the lines from before the stream began. */
const keptBytes = 256 * 1024;
const againMs = 1000;
const stampBytes = 40;

export async function followContainer(
  parts: Parts,
  container: string,
  wanted: Wanted,
): Promise<LogFollow> {
  const { tail, sinceMs, signal } = wanted;
  // One at least: its time is the place to go on from.
  const query = {
    tail: Math.max(1, tail),
    ...since(sinceMs === undefined ? undefined : nsOf(sinceMs)),
  };
  const kept = createLastLines();
  for await (const { lines } of output(parts, container, query, signal)) kept.push(lines);
  const lines = kept.all().sort((a, b) => (a.atNs < b.atNs ? -1 : Number(a.atNs > b.atNs)));
  const afterNs = lines.at(-1)?.atNs ?? (sinceMs === undefined ? undefined : nsOf(sinceMs) - 1n);
  const last = tail === 0 ? [] : lines.slice(-tail).map(plain);
  return { last, more: following(parts, container, afterNs, signal) };
}

async function* following(
  parts: Parts,
  container: string,
  from: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<LogBatch> {
  let afterNs = from;
  while (!signal.aborted) {
    const beganNs = afterNs;
    const query = { follow: 1, ...since(beganNs) };
    for await (const { lines, droppedBytes } of output(parts, container, query, signal)) {
      const fresh = lines.filter(({ atNs }) => beganNs === undefined || atNs > beganNs);
      if (fresh.length > 0 || droppedBytes > 0) yield { lines: fresh.map(plain), droppedBytes };
      for (const { atNs } of fresh) if (afterNs === undefined || atNs > afterNs) afterNs = atNs;
    }
    await parts.clock.sleep(againMs, signal);
    if (signal.aborted || (await parts.engine.inspectContainer(container)) === undefined) return;
  }
}

/** Ends with the Engine's answer; nothing comes when the container is gone or its output is kept nowhere. */
async function* output(
  { engine }: Parts,
  container: string,
  query: Record<string, unknown>,
  signal: AbortSignal,
): AsyncGenerator<{ lines: StampedLine[]; droppedBytes: number }> {
  const detail = await engine.inspectContainer(container);
  if (detail === undefined) return;
  const all = { stdout: 1, stderr: 1, timestamps: 1, ...query };
  const stream = await engine.openLogs(container, all, signal).catch(noneWhereUnreadable);
  if (stream === undefined) return;
  const read = detail.Config.Tty ? createReader(oneStream) : createReader(createFrameCutter());
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) yield read(bytes);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stream.destroy();
  }
}

function noneWhereUnreadable(error: unknown): undefined {
  if ([404, 501].includes(statusOf(error) ?? 0)) return undefined;
  throw error;
}

/** A terminal's output is not framed. */
function oneStream(payload: Buffer): Frame[] {
  return [{ stream: "stdout", payload }];
}

function createReader(frames: (bytes: Buffer) => Frame[]) {
  const cutters = {
    stdout: createLineCutter(maxLineBytes + stampBytes),
    stderr: createLineCutter(maxLineBytes + stampBytes),
  };
  return (bytes: Buffer) => {
    const lines = frames(bytes).flatMap(({ stream, payload }) =>
      cutters[stream].push(payload).flatMap((line) => stamped(stream, line)),
    );
    const droppedBytes = cutters.stdout.takeDropped() + cutters.stderr.takeDropped();
    return { lines, droppedBytes };
  };
}

const stampForm = /^(\S+?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: (.*))?$/s;

/** None for a line without a time, which is no line of the Engine's. */
function stamped(stream: LogLine["stream"], line: string): StampedLine[] {
  const [, seconds, fraction = "", zone, text = ""] = stampForm.exec(line) ?? [];
  const second = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(second)) return [];
  const atNs = BigInt(second) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
  return [{ at: Number(atNs / 1_000_000n), atNs, stream, text }];
}

function nsOf(unixMs: number): bigint {
  return BigInt(Math.floor(unixMs)) * 1_000_000n;
}

function since(ns: bigint | undefined): { since?: string } {
  if (ns === undefined || ns < 0n) return {};
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, "0");
  return { since: `${ns / 1_000_000_000n}.${fraction}` };
}

function plain({ at, stream, text }: StampedLine): LogLine {
  return { at, stream, text };
}

/** Keeps the end of what it is given, within a bound. */
function createLastLines() {
  let kept: StampedLine[] = [];
  let bytes = 0;
  return {
    push: (lines: readonly StampedLine[]): void => {
      for (const line of lines) bytes += line.text.length + stampBytes;
      kept.push(...lines);
      let surplus = 0;
      while (bytes > keptBytes) bytes -= (kept[surplus++]?.text.length ?? 0) + stampBytes;
      if (surplus > 0) kept = kept.slice(surplus);
    },
    all: () => kept,
  };
}
