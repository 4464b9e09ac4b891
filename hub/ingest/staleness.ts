// Notices silent devices: each waits in the bucket of the second in which it would become silent.
import type { DeviceId } from "#shared/ids.ts";

/** A device may miss this many heartbeats. */
const missedBeats = 3;
const bucketMs = 1000;
/** Ticks come each second; this long without one, the process itself stood still. */
const pauseMs = 3000;

export interface Staleness {
  /** Something was heard. Costs a map entry, whatever the number of devices. */
  heard(device: DeviceId, heartbeatMs: number, monotonicMs: number): void;
  /** The device is not expected to say anything. */
  forget(device: DeviceId): void;
  /** The devices that have been silent for too long; each is named once and then forgotten. */
  tick(monotonicMs: number): DeviceId[];
}

interface Watched {
  deadlineMs: number;
  /** The second in whose bucket it waits; its deadline may have moved since. */
  bucket: number;
}

export function createStaleness(): Staleness {
  const watched = new Map<DeviceId, Watched>();
  const buckets = new Map<number, Set<DeviceId>>();
  let listenedMs = 0;
  let tickedAtMs: number | undefined;
  let nextBucket = 0;

  /** Time in which the hub could have heard something: a pause of the whole process makes nobody stale. */
  const listening = (monotonicMs: number): number => {
    const sinceMs = monotonicMs - (tickedAtMs ?? monotonicMs);
    return listenedMs + (sinceMs > pauseMs ? 0 : sinceMs);
  };

  const place = (device: DeviceId, entry: Watched): void => {
    entry.bucket = Math.max(Math.ceil(entry.deadlineMs / bucketMs), nextBucket);
    const bucket = buckets.get(entry.bucket) ?? new Set();
    buckets.set(entry.bucket, bucket.add(device));
  };
  const release = (device: DeviceId, entry: Watched): void => {
    const bucket = buckets.get(entry.bucket);
    bucket?.delete(device);
    if (bucket?.size === 0) buckets.delete(entry.bucket);
  };
  /** Those whose deadline has moved on wait again; only the others are silent. */
  const empty = (bucket: number, nowMs: number): DeviceId[] => {
    const due = buckets.get(bucket) ?? [];
    buckets.delete(bucket);
    const silent: DeviceId[] = [];
    for (const device of due) {
      const entry = watched.get(device);
      if (entry === undefined) continue;
      if (entry.deadlineMs > nowMs) place(device, entry);
      else silent.push(device);
    }
    for (const device of silent) watched.delete(device);
    return silent;
  };
  return {
    heard: (device, heartbeatMs, monotonicMs) => {
      const deadlineMs = listening(monotonicMs) + missedBeats * heartbeatMs;
      const entry = watched.get(device);
      if (entry === undefined) {
        const fresh = { deadlineMs, bucket: 0 };
        watched.set(device, fresh);
        place(device, fresh);
      } else if (deadlineMs >= entry.deadlineMs) {
        entry.deadlineMs = deadlineMs;
      } else {
        // A shorter heartbeat: the old bucket would come too late.
        release(device, entry);
        entry.deadlineMs = deadlineMs;
        place(device, entry);
      }
    },
    forget: (device) => {
      const entry = watched.get(device);
      if (entry === undefined) return;
      release(device, entry);
      watched.delete(device);
    },
    tick: (monotonicMs) => {
      listenedMs = listening(monotonicMs);
      tickedAtMs = monotonicMs;
      const silent: DeviceId[] = [];
      for (; nextBucket <= Math.floor(listenedMs / bucketMs); ) {
        const bucket = nextBucket;
        nextBucket += 1;
        silent.push(...empty(bucket, listenedMs));
      }
      return silent;
    },
  };
}
