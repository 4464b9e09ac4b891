// Checks what a device sent, beyond its schema: a message must speak of its sender and of itself alone.
import type { Uplink } from "#hub/broker/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalBatch } from "#shared/journal.ts";
import type { ReportedState } from "#shared/reported.ts";
import { decode, type Message } from "#shared/wire.ts";
import type { Uplinked } from "./queue.ts";

/** Each is a row of the label index. */
export const maxLabels = 64;
/** It is kept for good, with the mark of what is acknowledged. */
const maxEpochLength = 64;
/** Far above what agents write, far below where writing it as JSON ends in a stack overflow: the batch of all
 *  devices would fail with it. */
const maxBodyDepth = 64;

/** @throws FleetError message_invalid or message_too_large */
export function readUplink(device: DeviceId, channel: Uplink, payload: Uint8Array): Uplinked {
  return checkUplink(device, channel, decode(channel, payload));
}

/** @throws FleetError message_invalid */
export function checkUplink<C extends Uplink>(
  device: DeviceId,
  channel: C,
  message: Message<C>,
): Uplinked {
  const uplinked = { channel, message } as Uplinked;
  if (uplinked.channel === "reported") checkReported(device, uplinked.message);
  if (uplinked.channel === "journal") checkBatch(device, uplinked.message);
  return uplinked;
}

function checkReported(device: DeviceId, reported: ReportedState): void {
  if (reported.device !== device) {
    throw invalid(`a reported message of ${device} speaks of ${reported.device}`);
  }
  const labels = Object.keys(reported.labels).length;
  if (labels > maxLabels) throw invalid(`${device} has ${labels} labels; ${maxLabels} are allowed`);
}

function checkBatch(device: DeviceId, { epoch, from, to, entries }: JournalBatch): void {
  if (epoch.length > maxEpochLength) throw invalid(`a journal of ${device} has too long a name`);
  let before = from - 1;
  for (const { seq, body } of entries) {
    if (seq <= before || seq > to)
      throw invalid(`a journal batch of ${device} is out of order at ${seq}`);
    if (isDeeper(body, maxBodyDepth))
      throw invalid(`entry ${seq} of ${device}'s journal is nested too deeply`);
    before = seq;
  }
  if (to < from) throw invalid(`a journal batch of ${device} goes from ${from} to ${to}`);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1));
}

function invalid(message: string): FleetError {
  return new FleetError("message_invalid", { message, hint: "Update the device's agent." });
}
