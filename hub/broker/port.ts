// The broker port: how the hub talks to devices over MQTT, embedded now and an external broker later.
import type { DeviceId } from "#shared/ids.ts";
import type { Channel } from "#shared/topic.ts";
import type { Message } from "#shared/wire.ts";

/** Channels on which devices speak and which are ingested. */
export type Uplink = Extract<Channel, "reported" | "conn" | "beat" | "journal">;

/** Gets every message of a device that its credentials allow, still undecoded. */
export type UplinkListener = (device: DeviceId, channel: Uplink, payload: Uint8Array) => void;

/** Gets what devices send on their live streams, still undecoded. */
export type StreamListener = (device: DeviceId, payload: Uint8Array) => void;

export interface Broker {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Where devices connect, e.g. `mqtt://127.0.0.1:7883`. Known after `start`. */
  readonly url: string;
  /** Sets the retained desired state and sends it to the device if it is connected. */
  publishDesired(device: DeviceId, envelope: Message<"desired">): void;
  acknowledge(device: DeviceId, ack: Message<"ack">): void;
  /** A command of live streams; lost when the device is not connected. */
  command(device: DeviceId, command: Message<"cmd">): void;
  /** Whether the device has an MQTT connection now. */
  isConnected(device: DeviceId): boolean;
  onStream(listener: StreamListener): void;
  /** Ends the device's connections, for a revoked or replaced identity. */
  disconnect(device: DeviceId): void;
  onUplink(listener: UplinkListener): void;
  /** Open MQTT connections of devices and operators. */
  connections(): number;
}

/** Who a connection or request is. Certificates will answer the same question another way. */
export type Principal = { kind: "device"; id: DeviceId } | { kind: "operator"; name: string };

/** Tells who presents these credentials; null when nobody. */
export interface Authenticator {
  device(id: string, secret: string): Promise<Principal | null>;
  operator(token: string): Promise<Principal | null>;
}

/** The MQTT user name of every operator; no device may have it as its id. */
export const operatorUsername = "operator";
