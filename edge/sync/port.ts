// The sync port: what the agent needs of its connection to the hub, whichever way it takes.
import type { Logger } from "pino";
import type { Journal } from "#edge/journal/port.ts";
import type { Beat } from "#shared/beat.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { StreamOutput } from "#shared/stream.ts";

export interface SyncStatusNow {
  connected: boolean;
  /** How the hub is reached now. */
  via: "mqtt" | "http" | "none";
  /** Ms since boot of the last proof that the hub itself is there: an acknowledgement, a desired state as
   *  it was published, an HTTP answer. A broker that answers pings is none. */
  lastContactMonotonicMs: number | undefined;
  /** No such proof for so long that the device is on its own. */
  isolated: boolean;
  /** Why it is not connected, one sentence. */
  problem?: string;
}

/** How a low-power device talks to its hub. */
export interface Rhythm {
  /** Ms between heartbeats, or between two contacts. */
  pollMs: number;
  /** keep: the connection stays, and a new desired state comes at once. sleep: there is none between two
   *  polls, and a new desired state comes with the next. */
  connection: "keep" | "sleep";
}

/** Delivers desired states into the journal, and journal entries, reports and heartbeats to the hub.
 *  Falls back to HTTP when MQTT is blocked and returns to it when it is not. */
export interface Sync {
  start(): void;
  stop(): Promise<void>;
  status(): SyncStatusNow;
  /** Keeps the newest report; it is sent now, or as soon as there is a connection. */
  report(reported: ReportedState): void;
  /** Something was appended to the journal. */
  journalGrew(): void;
  /** Takes effect at once; the same rhythm again changes nothing, and undefined is the usual one. */
  setRhythm(rhythm: Rhythm | undefined): void;
  /** Called after a desired state was kept, the connection changed, or the hub was lost or found. */
  onChange(listener: () => void): void;
  /** Called when the hub asks how things are now: look, and report even what has not changed. */
  onAsked(listener: () => void): void;
}

/** What sync asks of the agent. */
export interface SyncSource {
  /** The heartbeat as it would be sent now; its own `heartbeatMs` is the interval that sync keeps. */
  beat(): Beat;
}

/** Live streams over the connection, while there is one; over HTTP there are none. */
export interface SyncStreams {
  /** A command as it came.
   *  @throws FleetError when it is not the hub's, not for this device, or not fresh */
  receive(payload: Uint8Array): void;
  /** Sends what the streams have to say over this connection until the signal; never throws. */
  run(send: (output: StreamOutput) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** The part of the journal that travels. */
export type SyncJournal = Pick<
  Journal,
  "epoch" | "append" | "receive" | "desired" | "envelope" | "batch" | "acknowledge" | "entries"
>;

/** The part of pino's logger that sync writes to. */
export type SyncLogger = Pick<Logger, "debug" | "info" | "warn" | "error">;
