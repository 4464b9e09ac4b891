// A real broker on a free port, with known devices and an operator, and clients for it.
import { connect as connectTcp, type Socket } from "node:net";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { createEmbeddedBroker, type EmbeddedBroker } from "#hub/broker/aedes.ts";
import type { Authenticator, Uplink } from "#hub/broker/port.ts";
import { systemClock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";

export const secrets: Readonly<Record<string, string>> = { "pi-1": "one", "pi-10": "ten" };
export const operatorToken = "operator-token";

export const authenticator: Authenticator = {
  device: async (name, secret) =>
    secrets[name] === secret || secret === `secret of ${name}`
      ? { kind: "device", id: name as DeviceId }
      : null,
  operator: async (token) => (token === operatorToken ? { kind: "operator", name: "ops" } : null),
};

export interface Heard {
  device: DeviceId;
  channel: Uplink;
  text: string;
}

export interface Running {
  broker: EmbeddedBroker;
  heard: Heard[];
  port: number;
}

type Options = Partial<Parameters<typeof createEmbeddedBroker>[0]>;

/** Starts a broker for as long as the body takes. */
export async function withBroker(
  body: (running: Running) => Promise<void>,
  options: Options = {},
): Promise<void> {
  const broker = createEmbeddedBroker({
    host: "127.0.0.1",
    port: 0,
    authenticator,
    clock: systemClock,
    ...options,
  });
  const heard: Heard[] = [];
  broker.onUplink((device, channel, payload) => {
    heard.push({ device, channel, text: Buffer.from(payload).toString() });
  });
  await broker.start();
  try {
    await body({ broker, heard, port: Number(new URL(broker.url).port) });
  } finally {
    await broker.stop();
  }
}

export function asDevice(name: string, options: IClientOptions = {}): IClientOptions {
  return { clientId: name, username: name, password: secrets[name] ?? "", ...options };
}

export function asOperator(options: IClientOptions = {}): IClientOptions {
  return { username: "operator", password: operatorToken, ...options };
}

/** Connects once; rejects when the broker refuses. */
export async function connected(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options }, false);
  client.on("error", () => undefined);
  return client;
}

export function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.disconnected) resolve();
    else client.once("close", () => resolve());
  });
}

/** Waits until it holds. */
export async function until(holds: () => boolean, what: string, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Long enough for a message that must not come to have come. */
export function aWhile(delayMs = 150): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

export async function rawSocket(port: number): Promise<{ socket: Socket; ended: Promise<void> }> {
  const socket = connectTcp(port, "127.0.0.1");
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  return { socket, ended };
}
