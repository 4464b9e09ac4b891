// Both sides of live streams joined by a line that can be cut, and that can lose messages.
import { generateKeyPairSync } from "node:crypto";
import { defaultStreamLimits, type StreamLimits } from "#edge/logs/limits.ts";
import type { OpenSource } from "#edge/logs/source.ts";
import { createLiveStreams } from "#edge/logs/streams.ts";
import type { StreamListener } from "#hub/broker/port.ts";
import type { LiveLimits } from "#hub/logs/limits.ts";
import { createLiveLogs } from "#hub/logs/live.ts";
import type { LogItem, LogReader, LogRequest } from "#hub/logs/port.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import { systemClock } from "#shared/clock.ts";
import { type Envelope, keyIdOf } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { StreamCommand, StreamOutput } from "#shared/stream.ts";
import { decode, encode } from "#shared/wire.ts";

export const pi = "pi-1" as DeviceId;

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
export const key = { privateKey, id: keyIdOf(publicKey), publicPem: "" };
export const trusted = new Map([[key.id, publicKey]]);

export interface Line {
  live: ReturnType<typeof createLiveLogs>;
  streams: ReturnType<typeof createLiveStreams>;
  /** What went over the line, in order. */
  commands: StreamCommand["kind"][];
  outputs: StreamOutput[];
  /** Says which messages of the device are lost on the way. */
  loses: (output: StreamOutput) => boolean;
  row: Pick<DeviceRow, "id" | "connection" | "lastSeenAt">;
  connect(): void;
  cut(): void;
  stop(): void;
}

/** So short that a test sees the end of a lease; a machine that stands still for a moment sees it too. */
export const short: Partial<LiveLimits> = { leaseMs: 1000, silenceMs: 600, openMs: 400 };
/** What is lost is asked for soon, and nothing ends by itself within a test. */
const patient: Partial<LiveLimits> = {
  ...{ renewMs: 50, leaseMs: 60_000, silenceMs: 60_000, openMs: 60_000 },
};

export function createLine(options: {
  open: OpenSource;
  limits?: Partial<LiveLimits>;
  deviceLimits?: Partial<StreamLimits>;
}): Line {
  const listeners: StreamListener[] = [];
  let connection: AbortController | undefined;
  const row = { id: pi, connection: "Online", lastSeenAt: 0 } as Line["row"];
  const streams = createLiveStreams({
    device: pi,
    trusted,
    open: options.open,
    clock: systemClock,
    limits: { ...defaultStreamLimits, maxCostPerSecond: 1e9, ...options.deviceLimits },
  });
  const deliver = (envelope: Envelope): void => {
    if (connection === undefined) return;
    line.commands.push(JSON.parse(Buffer.from(envelope.payload, "base64").toString()).kind);
    streams.receive(encode("cmd", envelope));
  };
  const send = async (output: StreamOutput): Promise<void> => {
    const now = connection;
    await new Promise(setImmediate);
    line.outputs.push(output);
    if (connection !== now || line.loses(output)) return;
    // As the broker does: bytes, checked again by whoever gets them.
    const payload = encode("out", decode("out", encode("out", output)));
    for (const listener of listeners) listener(pi, payload);
  };
  const line: Line = {
    streams,
    commands: [],
    outputs: [],
    loses: () => false,
    row,
    live: createLiveLogs({
      store: { device: async () => row as DeviceRow },
      broker: {
        command: (_device, envelope) => void setImmediate(deliver, envelope),
        isConnected: () => connection !== undefined,
        onStream: (listener) => listeners.push(listener),
      },
      key,
      clock: systemClock,
      limits: { ...patient, ...options.limits },
    }),
    connect: () => {
      connection = new AbortController();
      void streams.run(send, connection.signal);
    },
    cut: () => {
      connection?.abort();
      connection = undefined;
    },
    stop: () => {
      line.live.stop();
      streams.stop();
      line.cut();
    },
  };
  line.connect();
  return line;
}

export function wish(more: Partial<LogRequest> = {}): LogRequest {
  return { source: { kind: "agent" }, follow: true, tail: 100, ...more };
}

/** Items up to a number of lines, or to the end. */
export async function takeLines(reader: LogReader, count: number): Promise<LogItem[]> {
  const items: LogItem[] = [];
  const from = reader[Symbol.asyncIterator]();
  while (items.filter(({ kind }) => kind === "line").length < count) {
    const { value, done } = await from.next();
    if (done === true) break;
    items.push(value);
  }
  return items;
}

/** Items up to the word that everything from before was told. */
export async function takePast(reader: LogReader): Promise<LogItem[]> {
  const items: LogItem[] = [];
  const from = reader[Symbol.asyncIterator]();
  while (items.at(-1)?.kind !== "caughtUp") {
    const { value, done } = await from.next();
    if (done === true) break;
    items.push(value);
  }
  return items;
}

/** Without the word that everything from before was told; `marked` has that too. */
export function texts(items: readonly LogItem[]): string[] {
  return marked(items).filter((text) => text !== "caughtUp");
}

export function marked(items: readonly LogItem[]): string[] {
  return items.map((item) => {
    if (item.kind === "line") return item.line.text;
    if (item.kind === "caughtUp") return item.kind;
    return item.kind === "dropped" ? `dropped ${item.bytes}` : `end ${item.reason}`;
  });
}

export async function until(holds: () => boolean, what: string, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
