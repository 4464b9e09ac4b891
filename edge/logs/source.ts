// What a live stream reads from: bounded batches of lines, pulled by whoever has credit.
import type { LogLine, LogSource } from "#shared/stream.ts";

export interface Wanted {
  /** Lines from before, at most. */
  tail: number;
  /** Unix ms by this device's clock: nothing older. */
  sinceMs?: number;
  /** Goes on with what is said from now on. */
  follow: boolean;
  signal: AbortSignal;
}

export interface SourceItem {
  lines: LogLine[];
  /** Bytes that were lost before these lines. */
  droppedBytes: number;
  /** With these, all lines from before the reading began are told. */
  caughtUp?: true;
}

/** Pulled: nothing is read ahead without bound for who does not ask. Ends when there is nothing more to
 *  come, or with the signal.
 *  @throws FleetError not_found, and what its parts throw */
export type OpenSource = (source: LogSource, wanted: Wanted) => AsyncIterable<SourceItem>;
