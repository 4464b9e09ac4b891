// Messages that wait for the next batch: states coalesced per device, journals in order, both bounded.
import type { Uplink } from "#hub/broker/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalAck } from "#shared/journal.ts";
import type { Message } from "#shared/wire.ts";
import type { Moment } from "./apply.ts";
import { isOvertaken } from "./overtaken.ts";

export type Uplinked = { [C in Uplink]: { channel: C; message: Message<C> } }[Uplink];

/** Whoever waits for the message to be stored. */
export interface Waiter {
  readonly stored: (ack: JournalAck | null) => void;
  readonly failed: (error: unknown) => void;
}

export type Queued = Uplinked & {
  device: DeviceId;
  /** When it came in. */
  moment: Moment;
  /** Size of a journal's payload; 0 for states. */
  bytes: number;
  /** Empty when the message came by MQTT. */
  waiters: Waiter[];
};

export type QueueVerdict = "queued" | "coalesced" | "beat_dropped" | "journal_deferred";

export interface Queue {
  push(item: Queued): QueueVerdict;
  /** Up to so many in the order of their coming. */
  take(limit: number): Queued[];
  lengths(): Record<Uplink, number>;
  length(): number;
  /** Tells whoever waits that it will take long; the messages stay. */
  release(error: unknown): void;
}

interface Bounds {
  /** Above this many messages heartbeats are dropped. */
  maxMessages: number;
  /** Above this many bytes journals are not taken in; their devices send them again. */
  maxJournalBytes: number;
  /** The same for each device, so that one cannot take the others' room. */
  maxJournalBytesPerDevice: number;
}

/** Whether it came late: of two that wait, the one that was said last counts. */
function isOlder(item: Queued, known: Queued): boolean {
  if (item.channel === "conn" || item.channel === "journal") return false;
  return known.channel === item.channel && isOvertaken(item.message, known.message);
}

export function createQueue(bounds: Bounds): Queue {
  const items = new Map<string, Queued>();
  const lengths: Record<Uplink, number> = { reported: 0, conn: 0, beat: 0, journal: 0 };
  let serial = 0;
  let journalBytes = 0;
  const bytesByDevice = new Map<DeviceId, number>();

  const count = (item: Queued, sign: 1 | -1): void => {
    lengths[item.channel] += sign;
    journalBytes += sign * item.bytes;
    const bytes = (bytesByDevice.get(item.device) ?? 0) + sign * item.bytes;
    if (bytes === 0) bytesByDevice.delete(item.device);
    else bytesByDevice.set(item.device, bytes);
  };
  const remove = (key: string, item: Queued): void => {
    items.delete(key);
    count(item, -1);
  };
  const hasRoom = ({ device, bytes }: Queued): boolean =>
    journalBytes + bytes <= bounds.maxJournalBytes &&
    (bytesByDevice.get(device) ?? 0) + bytes <= bounds.maxJournalBytesPerDevice;
  const overfull = (item: Queued): QueueVerdict | null => {
    if (item.channel === "journal") return hasRoom(item) ? null : "journal_deferred";
    return item.channel === "beat" && items.size >= bounds.maxMessages ? "beat_dropped" : null;
  };
  const keyOf = ({ channel, device }: Queued): string => {
    serial += 1;
    return channel === "journal" ? `journal/${serial}` : `${channel}/${device}`;
  };
  return {
    push: (item) => {
      const key = keyOf(item);
      const older = items.get(key);
      const verdict = older === undefined ? overfull(item) : null;
      if (verdict !== null) return verdict;
      // Taken out and put at the end: a heartbeat after a will is still after it.
      if (older !== undefined) remove(key, older);
      const newer = older !== undefined && isOlder(item, older) ? older : item;
      items.set(key, { ...newer, waiters: [...(older?.waiters ?? []), ...item.waiters] });
      count(newer, 1);
      return older === undefined ? "queued" : "coalesced";
    },
    take: (limit) => {
      const taken: Queued[] = [];
      for (const [key, item] of items) {
        if (taken.length >= limit) break;
        remove(key, item);
        taken.push(item);
      }
      return taken;
    },
    lengths: () => ({ ...lengths }),
    length: () => items.size,
    release: (error) => {
      for (const { waiters } of items.values()) {
        for (const { failed } of waiters.splice(0)) failed(error);
      }
    },
  };
}
