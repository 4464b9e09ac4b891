// Retained messages by device and channel: an exact topic is one look-up, however many devices there are.
import type { DeviceId } from "#shared/ids.ts";
import { type Channel, parseTopic } from "#shared/topic.ts";
import { isWildcard, matchesFilter } from "./filter.ts";

export interface RetainedPacket {
  cmd: "publish";
  topic: string;
  payload: Buffer;
  qos: 0 | 1;
  retain: true;
}

export interface RetainedMessages {
  /** Sets the topic's message; an empty payload removes it. Other topics than a device's are ignored,
   *  so that a device holds no more than its channels. */
  set(topic: string, payload: Buffer, qos: 0 | 1): void;
  /** What a filter matches, found while it is read. */
  match(filter: string): Iterable<RetainedPacket>;
  size(): number;
}

export function createRetainedMessages(): RetainedMessages {
  const devices = new Map<DeviceId, Map<Channel, RetainedPacket>>();
  return {
    set: (topic, payload, qos) => {
      const parts = parseTopic(topic);
      if (parts === undefined) return;
      const held = devices.get(parts.device) ?? new Map<Channel, RetainedPacket>();
      if (payload.length === 0) held.delete(parts.channel);
      else held.set(parts.channel, { cmd: "publish", topic, payload, qos, retain: true });
      if (held.size === 0) devices.delete(parts.device);
      else devices.set(parts.device, held);
    },
    match: (filter) => (isWildcard(filter) ? walk(devices, filter) : exact(devices, filter)),
    size: () => devices.values().reduce((total, held) => total + held.size, 0),
  };
}

type Devices = Map<DeviceId, Map<Channel, RetainedPacket>>;

function exact(devices: Devices, topic: string): RetainedPacket[] {
  const parts = parseTopic(topic);
  const packet = parts && devices.get(parts.device)?.get(parts.channel);
  return packet === undefined ? [] : [packet];
}

function* walk(devices: Devices, filter: string): Generator<RetainedPacket> {
  for (const held of devices.values()) {
    for (const packet of held.values()) {
      if (matchesFilter(filter, packet.topic)) yield packet;
    }
  }
}
