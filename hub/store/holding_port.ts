// The part of the store port that bounds what is kept of each device's history.
import type { DeviceId } from "#shared/ids.ts";

/** How much is kept of one device at most. Each row counts its text, and what it
 *  takes itself and with its keys: 320 bytes of an entry, 160 of an event. */
export interface Allowance {
  journalBytes: number;
  eventBytes: number;
}

/** Of a device's journal: what a whole journal of an edge with its own default bound takes here, whatever is in it. */
export const defaultMegabytes = 1024;

/** Half as much of events as of the journal that they come from. */
export function allowanceOf(journalMegabytes: number): Allowance {
  return { journalBytes: journalMegabytes * 1_000_000, eventBytes: journalMegabytes * 500_000 };
}

/** A device of which more has come than its allowance. */
export interface Exceeding {
  device: DeviceId;
  /** Unix ms. */
  since: number;
  /** Rows that were deleted for it, ever. */
  entriesCut: number;
  eventsCut: number;
}

/** What `appendJournal`, `changeDevices` and `addEvents` write is bounded by them for each device alone: what is
 *  above goes in the same transaction, of the journal samples and events before updates and runs, the oldest
 *  first. One event tells of it until the device has kept within its allowance for a while. */
export interface HoldingStore {
  /** Who has exceeded the longest comes first. */
  exceeding(limit: number): Promise<Exceeding[]>;
  /** Rows of all devices that were deleted for their allowance, and how many devices exceed theirs. */
  cuts(): Promise<{ entries: number; events: number; devices: number }>;
}
