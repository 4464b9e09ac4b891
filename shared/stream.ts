// Live streams: what the hub asks of a device over its connection, and what the device sends back.
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { type Envelope, open, seal } from "./envelope.ts";
import { FleetError } from "./errors.ts";
import { AppName, DeviceId } from "./ids.ts";

export const commandPayloadType = "application/vnd.metrica.fleet.command.v1+json";

/** Random, chosen by the hub, never used twice. */
export const StreamId = z.string().regex(/^[0-9a-f]{32}$/);
export type StreamId = z.infer<typeof StreamId>;

/** Random, chosen by the device, good for one `open` within seconds of the device's own timer. */
const Nonce = z.string().regex(/^[0-9a-f]{32}$/);

/** What is read. */
export const LogSource = z.discriminatedUnion("kind", [
  /** The output of services: of one, of an app's, or of all on the device. */
  z.object({
    kind: z.literal("service"),
    app: AppName.exactOptional(),
    service: z.string().min(1).max(255).exactOptional(),
  }),
  /** The agent's own log. */
  z.object({ kind: z.literal("agent") }),
  /** The events that the device itself has recorded. */
  z.object({ kind: z.literal("events") }),
  /** The output of a run. */
  z.object({ kind: z.literal("run"), run: z.string().min(1).max(128) }),
]);
export type LogSource = z.infer<typeof LogSource>;

/** One line, without its line break. */
export const LogLine = z.object({
  /** Unix ms by the device's clock. */
  at: z.number().int(),
  stream: z.enum(["stdout", "stderr"]).exactOptional(),
  /** Who said it: `shop/web.1`; absent where there is but one speaker. */
  from: z.string().max(512).exactOptional(),
  text: z.string(),
});
export type LogLine = z.infer<typeof LogLine>;

/** Lines that may be asked for from before the stream began. */
export const maxTailLines = 1000;
/** Of one line in UTF-8; the rest of a longer one is dropped and counted. */
export const maxLineBytes = 8 * 1024;
/** Cost of the lines of one message. */
export const maxChunkCost = 16 * 1024;
/** What a device sends at most before the hub has said that it took it. */
export const maxUnansweredCost = 128 * 1024;
/** A stream ends after this long, whoever wants it longer. */
export const maxLifetimeMs = 3_600_000;

/** What a line takes of the credit, on either side: its text and a share for the rest. */
export function costOf({ text, from = "" }: LogLine): number {
  return Buffer.byteLength(text) + Buffer.byteLength(from) + 48;
}

/** Each names its device and stream. Credit counts from the stream's beginning, so that a message that
 *  is lost, doubled or late changes nothing. */
const addressed = { device: DeviceId, stream: StreamId };
/** Rises within a stream; what does not rise is old and left aside. */
const rising = { number: z.number().int().positive() };

export const StreamCommand = z.discriminatedUnion("kind", [
  /** Asks for a nonce; opens nothing. */
  z.object({ kind: z.literal("ask"), ...addressed }),
  z.object({
    kind: z.literal("open"),
    ...addressed,
    nonce: Nonce,
    source: LogSource,
    /** False: the stream ends after what is there. */
    follow: z.boolean(),
    tail: z.number().int().min(0).max(maxTailLines),
    /** Nothing older than this many ms by the device's own clock, which may be wrong. */
    maxAgeMs: z.number().int().nonnegative().exactOptional(),
    credit: z.number().int().nonnegative(),
    /** The stream ends by itself when no credit came for this long. */
    leaseMs: z.number().int().min(1000).max(60_000),
    lifetimeMs: z.number().int().min(1000).max(maxLifetimeMs),
  }),
  z.object({
    kind: z.literal("credit"),
    ...addressed,
    ...rising,
    /** Cost of all lines, from the first on, that the device may send. */
    credit: z.number().int().nonnegative(),
    /** The hub has all messages up to this number. */
    received: z.number().int().nonnegative(),
    /** Something after `received` was lost: send all from there again. */
    again: z.literal(true).exactOptional(),
  }),
  z.object({ kind: z.literal("close"), ...addressed, ...rising }),
]);
export type StreamCommand = z.infer<typeof StreamCommand>;
export type OpenCommand = Extract<StreamCommand, { kind: "open" }>;
export type CreditCommand = Extract<StreamCommand, { kind: "credit" }>;

/** Why a stream ended. `complete`: all was sent. `abandoned`: no credit came. `expired`: its lifetime is
 *  over. `lost`: the connection, or one side's program, went away. */
export const EndReason = z.enum([
  "complete",
  "closed",
  "abandoned",
  "expired",
  "refused",
  "failed",
  "lost",
]);
export type EndReason = z.infer<typeof EndReason>;

const numbered = { stream: StreamId, seq: z.number().int().positive() };

export const StreamOutput = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("nonce"), stream: StreamId, nonce: Nonce }),
  /** Numbered from 1. No lines and nothing dropped: the stream is open and has nothing to say. */
  z.object({
    kind: z.literal("lines"),
    ...numbered,
    lines: z.array(LogLine).max(1000),
    /** Bytes that were lost before these lines, because they came faster than they were read. */
    droppedBytes: z.number().int().positive().exactOptional(),
    /** All lines from before the stream began have now been sent; once in a stream that follows. */
    caughtUp: z.literal(true).exactOptional(),
  }),
  /** The last message of a stream. */
  z.object({
    kind: z.literal("end"),
    ...numbered,
    reason: EndReason,
    message: z.string().max(2000),
    /** An error's code, when that was the reason. */
    code: z.string().max(64).exactOptional(),
    hint: z.string().max(2000).exactOptional(),
  }),
]);
export type StreamOutput = z.infer<typeof StreamOutput>;
/** Messages that are numbered and sent again when they are lost. */
export type NumberedOutput = Exclude<StreamOutput, { kind: "nonce" }>;

/** @param privateKey Ed25519 */
export function sealCommand(
  command: StreamCommand,
  privateKey: KeyObject,
  keyid: string,
): Envelope {
  return seal(commandPayloadType, command, privateKey, keyid);
}

/** The command inside, once one signature holds under a trusted key and it is for this device.
 *  @throws FleetError envelope_invalid */
export function openCommand(
  envelope: Envelope,
  device: DeviceId,
  trusted: ReadonlyMap<string, KeyObject>,
): StreamCommand {
  const payload = open(envelope, commandPayloadType, trusted);
  if (payload === undefined) {
    throw refused("no signature of the command holds under a key that this device trusts");
  }
  const parsed = StreamCommand.safeParse(jsonOf(payload));
  if (!parsed.success) throw refused("the signed command has not the form of this agent's version");
  if (parsed.data.device === device) return parsed.data;
  throw refused(`the command is for the device ${parsed.data.device} and not for ${device}`);
}

function jsonOf(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}

function refused(message: string): FleetError {
  return new FleetError("envelope_invalid", { message });
}
