// Live logs as the API reads them: one reader per request, whatever streams are behind it.
import type { DeviceId } from "#shared/ids.ts";
import type { EndReason, LogLine, LogSource } from "#shared/stream.ts";

export interface LogRequest {
  source: LogSource;
  /** Goes on with what is said from now on. */
  follow: boolean;
  /** Lines from before, at most. */
  tail: number;
  /** Unix ms by the hub's clock: nothing older. */
  sinceMs?: number;
}

export interface LogEnd {
  kind: "end";
  reason: EndReason;
  /** One sentence. */
  message: string;
  code?: string;
  hint?: string;
}

export type LogItem =
  | { kind: "line"; line: LogLine }
  /** Bytes that were lost here, on the device or between it and this reader. */
  | { kind: "dropped"; bytes: number }
  /** What was said before the reader came is told; once, where it follows. */
  | { kind: "caughtUp" }
  /** The last one. */
  | LogEnd;

/** Read once. Who does not read holds the device's reader up, and loses nothing by it as long as no other
 *  reader shares the stream. */
export interface LogReader extends AsyncIterable<LogItem> {
  /** Idempotent. */
  close(): void;
}

export interface LogCounts {
  /** Of devices, open now. */
  streams: number;
  /** Now. */
  readers: number;
  /** That readers were given since the hub's start. */
  lines: number;
  /** That readers were told they do not get, whether they were lost on the device or on the way from it. */
  droppedBytes: number;
}

export interface LiveLogs {
  /** Resolves once the device has begun to answer.
   *  @throws FleetError not_found, device_unreachable, limit_reached, and what the device refuses with */
  open(device: DeviceId, request: LogRequest): Promise<LogReader>;
  counts(): LogCounts;
  stop(): void;
}
