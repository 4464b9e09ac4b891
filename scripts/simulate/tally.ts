// What the simulated devices of one process, or of all of them, have done.

export interface Counts {
  devices: number;
  /** Devices that are connected now. */
  connected: number;
  /** Devices that have reported Synced and Healthy for the newest desired state they were told. */
  synced: number;
  /** Reports and heartbeats sent. */
  reported: number;
  beats: number;
  journalEntries: number;
  acked: number;
  reconnects: number;
  errors: number;
}

export interface Summary extends Counts {
  seconds: number;
  /** Ms from the issue of a desired state, or from the connection if that came later, to its
   *  acceptance on the device; null when none was accepted. */
  desiredLatencyP50Ms: number | null;
  desiredLatencyP95Ms: number | null;
}

export const noCounts: Counts = {
  devices: 0,
  connected: 0,
  synced: 0,
  reported: 0,
  beats: 0,
  journalEntries: 0,
  acked: 0,
  reconnects: 0,
  errors: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    devices: a.devices + b.devices,
    connected: a.connected + b.connected,
    synced: a.synced + b.synced,
    reported: a.reported + b.reported,
    beats: a.beats + b.beats,
    journalEntries: a.journalEntries + b.journalEntries,
    acked: a.acked + b.acked,
    reconnects: a.reconnects + b.reconnects,
    errors: a.errors + b.errors,
  };
}

export function summarise(
  counts: Counts,
  latenciesMs: readonly number[],
  seconds: number,
): Summary {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return {
    ...counts,
    seconds,
    desiredLatencyP50Ms: percentile(sorted, 0.5),
    desiredLatencyP95Ms: percentile(sorted, 0.95),
  };
}

/** Nearest rank. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
