// Builds and parses every MQTT topic; no other file writes one out.
import { DeviceId } from "./ids.ts";

const root = "fleet/v1/d";

export const channels = [
  "desired",
  "reported",
  "conn",
  "beat",
  "journal",
  "ack",
  "cmd",
  "out",
] as const;
export type Channel = (typeof channels)[number];

export function topicOf(device: DeviceId, channel: Channel): string {
  return `${root}/${device}/${channel}`;
}

export interface TopicParts {
  device: DeviceId;
  channel: Channel;
}

/** The device and channel of a topic, or undefined for any other string, wildcards included. */
export function parseTopic(topic: string): TopicParts | undefined {
  const parts = topic.split("/");
  if (parts.length !== 5 || parts.slice(0, 3).join("/") !== root) return undefined;
  const device = DeviceId.safeParse(parts[3]);
  const channel = channels.find((known) => known === parts[4]);
  return device.success && channel !== undefined ? { device: device.data, channel } : undefined;
}
