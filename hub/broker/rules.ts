// Who may publish, subscribe to and read which topic.
import type { DeviceId } from "#shared/ids.ts";
import { parseTopic } from "#shared/topic.ts";
import { wire } from "#shared/wire.ts";
import type { Principal, Uplink } from "./port.ts";

export type PublishRefusal =
  | "operator_published"
  | "foreign_topic"
  | "wrong_delivery"
  | "message_too_large";

interface Publication {
  topic: string;
  qos: number;
  retain: boolean;
  payload: string | Uint8Array;
}

/** Why this may not be published, or null. Wills are judged like everything else. Pure. */
export function publishRefusal(who: Principal, message: Publication): PublishRefusal | null {
  if (who.kind === "operator") return "operator_published";
  const parts = parseTopic(message.topic);
  if (parts === undefined || parts.device !== who.id) return "foreign_topic";
  const row = wire[parts.channel];
  if (row.from !== "device") return "foreign_topic";
  if (message.qos !== row.qos || message.retain !== row.retain) return "wrong_delivery";
  return Buffer.byteLength(message.payload) > row.maxBytes ? "message_too_large" : null;
}

/** A device hears exactly its own topics from the hub; an operator any filter below the fleet's root. Pure. */
export function maySubscribe(who: Principal, filter: string): boolean {
  return who.kind === "operator" ? isFleetTopic(filter) : mayRead(who, filter);
}

/** Judged again for every message that is forwarded. Pure. */
export function mayRead(who: Principal, topic: string): boolean {
  if (who.kind === "operator") return isFleetTopic(topic);
  const parts = parseTopic(topic);
  return parts !== undefined && parts.device === who.id && wire[parts.channel].from === "hub";
}

function isFleetTopic(topic: string): boolean {
  return topic.startsWith("fleet/v1/");
}

const uplinks = ["reported", "conn", "beat", "journal"] as const satisfies readonly Uplink[];

/** The device and channel of a message that is ingested; undefined for any other. Pure. */
export function uplinkOf(topic: string): { device: DeviceId; channel: Uplink } | undefined {
  const parts = parseTopic(topic);
  const channel = uplinks.find((known) => known === parts?.channel);
  return parts === undefined || channel === undefined
    ? undefined
    : { device: parts.device, channel };
}

/** The device whose live stream this topic is; undefined for any other. Pure. */
export function streamOf(topic: string): DeviceId | undefined {
  const parts = parseTopic(topic);
  return parts?.channel === "out" ? parts.device : undefined;
}
