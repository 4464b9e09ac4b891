// The wire table: every MQTT message with its schema, direction, quality of service and size limit.
import type { z } from "zod";
import { Beat, Presence } from "./beat.ts";
import { Envelope } from "./envelope.ts";
import { FleetError } from "./errors.ts";
import { JournalAck, JournalBatch } from "./journal.ts";
import { ReportedState } from "./reported.ts";
import { StreamOutput } from "./stream.ts";
import type { Channel } from "./topic.ts";

/** The desired state, and beside it the hub's memo, which the device only keeps. */
export const DesiredMessage = Envelope.extend({ memo: Envelope.exactOptional() });
export type DesiredMessage = z.infer<typeof DesiredMessage>;

interface WireRow {
  schema: z.ZodType;
  from: "hub" | "device";
  qos: 0 | 1;
  retain: boolean;
  maxBytes: number;
}

export const wire = {
  desired: { schema: DesiredMessage, from: "hub", qos: 1, retain: true, maxBytes: 160 * 1024 },
  reported: { schema: ReportedState, from: "device", qos: 1, retain: true, maxBytes: 256 * 1024 },
  conn: { schema: Presence, from: "device", qos: 1, retain: true, maxBytes: 1024 },
  beat: { schema: Beat, from: "device", qos: 0, retain: false, maxBytes: 4096 },
  journal: { schema: JournalBatch, from: "device", qos: 1, retain: false, maxBytes: 512 * 1024 },
  ack: { schema: JournalAck, from: "hub", qos: 1, retain: false, maxBytes: 1024 },
  cmd: { schema: Envelope, from: "hub", qos: 1, retain: false, maxBytes: 8192 },
  // Numbered and sent again by the stream itself, so the broker need not.
  out: { schema: StreamOutput, from: "device", qos: 0, retain: false, maxBytes: 128 * 1024 },
} as const satisfies Record<Channel, WireRow>;

export type Wire = typeof wire;
export type Message<C extends Channel> = z.infer<Wire[C]["schema"]>;

/** The largest packet that either side must accept: the largest payload, its topic and header. */
export const maxPacketBytes = Math.max(...Object.values(wire).map((row) => row.maxBytes)) + 1024;

/** A signed desired state may not be larger, so that a Pi can hold it and a broker will pass it. */
export const maxDesiredBytes = 64 * 1024;

/** The message of a payload.
 *  @throws FleetError message_too_large, or message_invalid with the offending field */
export function decode<C extends Channel>(channel: C, payload: Uint8Array): Message<C> {
  const row: WireRow = wire[channel];
  if (payload.byteLength > row.maxBytes) {
    throw new FleetError("message_too_large", {
      message: `a ${channel} message has ${payload.byteLength} bytes; at most ${row.maxBytes} are allowed`,
    });
  }
  const parsed = row.schema.safeParse(parseJson(channel, payload));
  if (parsed.success) return parsed.data as Message<C>;
  const issue = parsed.error.issues[0];
  throw new FleetError("message_invalid", {
    message: `a ${channel} message is malformed at "${issue?.path.join(".") ?? ""}": ${issue?.message ?? "unknown"}`,
    cause: parsed.error,
  });
}

function parseJson(channel: Channel, payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw new FleetError("message_invalid", {
      message: `a ${channel} message is not JSON in UTF-8`,
      cause,
    });
  }
}

/** The payload of a message. The caller holds the type, so nothing is checked again. */
export function encode<C extends Channel>(_channel: C, message: Message<C>): Buffer {
  return Buffer.from(JSON.stringify(message));
}
