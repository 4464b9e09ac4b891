// The output of one copy: both streams together, bounded, as timed lines.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { LogBatch, LogFollow, LogLine } from "#edge/runtime/port.ts";
import { createLogFile, type TimedLine } from "./logfile.ts";
import { followFiles } from "./logfollow.ts";

export interface CopyLogs {
  /** Begins the output of a new run; the run before stays readable, older ones go. */
  open(): Promise<{ stdout: number; stderr: number; close(): Promise<void> }>;
  tend(): Promise<void>;
  /** Oldest first; `startedAt` of the present run dates its lines. The streams are merged by time, so lines of the same second may change places. */
  read(options: { tail: number; sinceMs?: number; startedAt?: number }): Promise<LogLine[]>;
  /** What `read` gives, and then what is written, until it is over or the signal aborts. */
  follow(options: {
    tail: number;
    sinceMs?: number;
    startedAt?: number;
    isOver: () => boolean;
    signal: AbortSignal;
  }): Promise<LogFollow>;
}

/** @param options.maxBytes of all files of the copy together; two streams, two files each */
export function createCopyLogs(options: { directory: string; maxBytes: number }): CopyLogs {
  const fileOf = (name: string) =>
    createLogFile({
      path: join(options.directory, `${name}.log`),
      maxBytes: Math.floor(options.maxBytes / 4),
    });
  const streams = { stdout: fileOf("stdout"), stderr: fileOf("stderr") };
  const linesOf = async (stream: LogLine["stream"], startedAt: number): Promise<LogLine[]> =>
    named(stream, await streams[stream].lines(startedAt));
  return {
    async open() {
      await mkdir(options.directory, { recursive: true, mode: 0o700 });
      const stdout = await streams.stdout.open();
      const stderr = await streams.stderr.open();
      const close = async () => {
        await stdout.close();
        await stderr.close();
      };
      return { stdout: stdout.fd, stderr: stderr.fd, close };
    },
    async tend() {
      await streams.stdout.tend();
      await streams.stderr.tend();
    },
    async read({ tail, sinceMs = 0, startedAt = 0 }) {
      const lines = [
        ...(await linesOf("stdout", startedAt)),
        ...(await linesOf("stderr", startedAt)),
      ];
      return lastOf(lines, tail, sinceMs);
    },
    async follow({ tail, sinceMs = 0, startedAt = 0, isOver, signal }) {
      const stdout = await streams.stdout.whole(startedAt);
      const stderr = await streams.stderr.whole(startedAt);
      const lines = [...named("stdout", stdout.lines), ...named("stderr", stderr.lines)];
      const places = { stdout: stdout.place, stderr: stderr.place };
      const more: AsyncIterable<LogBatch> = followFiles({ streams, places, isOver, signal });
      return { last: lastOf(lines, tail, sinceMs), more };
    },
  };
}

function named(stream: LogLine["stream"], lines: readonly TimedLine[]): LogLine[] {
  return lines.map((line) => ({ ...line, stream }));
}

function lastOf(lines: readonly LogLine[], tail: number, sinceMs: number): LogLine[] {
  const wanted = lines.filter((line) => line.at >= sinceMs).sort((one, other) => one.at - other.at);
  return tail === 0 ? [] : wanted.slice(-tail);
}
