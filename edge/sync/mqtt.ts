// Makes a link with MQTT 3.1.1 and a clean session; the only file that knows the mqtt package.
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { FleetError } from "#shared/errors.ts";
import { maxPacketBytes } from "#shared/wire.ts";
import type { Link, LinkOptions } from "./link.ts";

/** How long a goodbye may take before the socket is cut. */
const endGraceMs = 800;

/** The package takes an address of any other form for one on this machine. */
const addressForm = /^(mqtt|mqtts|ws|wss):\/\/[^/]/;

/** The largest packet, and what one read may bring of the next. */
const maxUnparsedBytes = maxPacketBytes + 128 * 1024;

/** CONNACK return codes of MQTT 3.1.1, section 3.2.2.3: bad user name or password, not authorized. */
const refusals: readonly unknown[] = [4, 5];

/** One attempt with a fresh client: the package's own reconnection would send what it still holds
 *  from the old connection, and knows neither jitter nor another way to the hub.
 *  @throws FleetError hub_unreachable, unauthenticated, config_invalid */
export async function openMqttLink(options: LinkOptions): Promise<Link> {
  const client = createClient(options);
  // The package goes on after a packet that it cannot read; and an error that nobody hears ends the process.
  client.on("error", () => client.stream.destroy());
  boundPackets(client);
  const cut = (): void => void client.end(true);
  options.signal.addEventListener("abort", cut, { once: true });
  try {
    await connected(client, options.url);
    return linkOf(client);
  } catch (error) {
    client.end(true);
    throw error;
  } finally {
    options.signal.removeEventListener("abort", cut);
  }
}

/** The package gathers a packet of whatever size before anyone may look at it. */
function boundPackets(client: MqttClient): void {
  let unparsedBytes = 0;
  client.on("packetreceive", () => {
    unparsedBytes = 0;
  });
  client.stream.on("data", (chunk: Uint8Array) => {
    unparsedBytes += chunk.byteLength;
    if (unparsedBytes > maxUnparsedBytes) client.stream.destroy();
  });
}

function createClient(options: LinkOptions): MqttClient {
  const settings: IClientOptions = {
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    will: options.will,
    keepalive: options.keepaliveSeconds,
    connectTimeout: options.connectTimeoutMs,
    clean: true,
    protocolVersion: 4,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
  };
  if (!addressForm.test(options.url)) throw wrongAddress(options.url, undefined);
  try {
    return connect(options.url, settings);
  } catch (cause) {
    throw wrongAddress(options.url, cause);
  }
}

function wrongAddress(url: string, cause: unknown): FleetError {
  return new FleetError("config_invalid", {
    message: `"${url}" is not the address of an MQTT broker`,
    hint: "Write it as mqtt://host:port or mqtts://host:port.",
    cause,
  });
}

/** An attempt that is aborted closes, too. */
function connected(client: MqttClient, url: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.once("connect", () => resolve());
  client.once("error", (error) => reject(refusal(url, error)));
  client.once("close", () => reject(refusal(url, undefined)));
  return promise;
}

function refusal(url: string, cause: unknown): FleetError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (refusals.includes(code)) {
    return new FleetError("unauthenticated", {
      message: `the broker ${url} does not accept this device's identity`,
      hint: "Enrol the device again with a new token.",
      cause,
    });
  }
  const why = typeof code === "string" ? code : "no answer";
  return new FleetError("hub_unreachable", {
    message: `no MQTT connection to ${url}: ${why}`,
    hint: "Check the address and whether the network lets MQTT through.",
    cause,
  });
}

function linkOf(client: MqttClient): Link {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  client.once("close", () => {
    client.end(true);
    resolve();
  });
  return {
    publish: (topic, payload, options) =>
      client.publishAsync(topic, payload, options).then(() => undefined),
    subscribe: (topics) => subscribe(client, topics),
    onMessage: (listener) =>
      void client.on("message", (topic, payload, { retain }) => listener(topic, payload, retain)),
    onClose: (listener) => void closed.then(listener),
    end: () => end(client, closed),
  };
}

async function subscribe(client: MqttClient, topics: string[]): Promise<void> {
  try {
    await client.subscribeAsync(topics, { qos: 1 });
  } catch (cause) {
    throw subscriptionRefusal(topics, cause);
  }
}

/** Without a SUBACK it was the connection that failed, and not the rules. */
function subscriptionRefusal(topics: string[], cause: unknown): FleetError {
  if ((cause as { packet?: unknown }).packet === undefined) {
    return new FleetError("hub_unreachable", {
      message: "the broker did not answer the subscriptions",
      hint: "Check the network and the broker's log.",
      cause,
    });
  }
  return new FleetError("forbidden", {
    message: `the broker does not let this device read ${topics.join(" and ")}`,
    hint: "Check the hub's access rules.",
    cause,
  });
}

async function end(client: MqttClient, closed: Promise<void>): Promise<void> {
  const timer = setTimeout(() => client.stream.destroy(), endGraceMs);
  client.end(false);
  await closed;
  clearTimeout(timer);
}
