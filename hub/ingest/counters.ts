// Counts what ingestion does, for the metrics.
import type { Uplink } from "#hub/broker/port.ts";
import type { ErrorCode } from "#shared/errors.ts";

export interface IngestCounters {
  /** Messages by channel, whether by MQTT or HTTP. */
  messages: Record<Uplink, number>;
  /** Messages that were refused, by error code. */
  refused: Partial<Record<ErrorCode, number>>;
  /** Messages that a later one of the same device and channel replaced before they were stored. */
  coalesced: number;
  beatsDropped: number;
  /** Journal batches not taken in or not stored; their devices send them again. */
  journalsDeferred: number;
  unknownDevices: number;
  batches: number;
  batchedMessages: number;
  journalEntries: number;
  eventsDropped: number;
  storeFailures: number;
  queued: Record<Uplink, number>;
}

export function zeroCounters(): IngestCounters {
  return {
    messages: { reported: 0, conn: 0, beat: 0, journal: 0 },
    refused: {},
    coalesced: 0,
    beatsDropped: 0,
    journalsDeferred: 0,
    unknownDevices: 0,
    batches: 0,
    batchedMessages: 0,
    journalEntries: 0,
    eventsDropped: 0,
    storeFailures: 0,
    queued: { reported: 0, conn: 0, beat: 0, journal: 0 },
  };
}
