// The events of ingestion: the hub's own about a device's transitions, and those that devices journal.
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  type EntryKind,
  EventBody,
  type JournalEntry,
  UpdateFinishedBody,
} from "#shared/journal.ts";

type Severity = EventBody["type"];

/** Every reason that the hub itself gives while it listens. */
const hubReasons = {
  DeviceOnline: "Normal",
  DeviceStale: "Warning",
  DeviceOffline: "Warning",
  DeviceDegraded: "Warning",
  DeviceRecovered: "Normal",
  DeviceOutOfSync: "Normal",
  DeviceSynced: "Normal",
  MessageRefused: "Warning",
} as const satisfies Record<string, Severity>;

export function hubEvent(
  device: DeviceId,
  reason: keyof typeof hubReasons,
  message: string,
  at: number,
): NewEvent {
  // What is refused is quoted: the name of a label may be as long as the whole message.
  const text = message.slice(0, maxMessageLength);
  return { at, device, app: null, source: "hub", type: hubReasons[reason], reason, message: text };
}

/** The event of a journal entry; null for entries that are only history. Pure.
 *  @param now Unix ms by the hub's clock */
export function entryEvent(device: DeviceId, entry: JournalEntry, now: number): NewEvent | null {
  const told = tellers[entry.kind]?.(entry) ?? null;
  if (told === null) return null;
  return {
    ...told,
    reason: told.reason.slice(0, maxNameLength),
    message: told.message.slice(0, maxMessageLength),
    at: plausibleTime(entry.at, now),
    device,
    app: entry.app?.slice(0, maxNameLength) ?? null,
    source: "device",
  };
}

const maxMessageLength = 2000;
/** As long as what the API takes to look for it. */
const maxNameLength = 64;
const oldestMs = 30 * 86_400_000;

/** A device may have been away for weeks, but a clock in 1970 or in the future tells nothing. */
function plausibleTime(at: number, now: number): number {
  return at <= now && at > now - oldestMs ? at : now;
}

type Teller = (entry: JournalEntry) => EventBody | null;

/** Kinds that are not here are only history. */
const tellers: Partial<Record<EntryKind, Teller>> = {
  event: (entry) => EventBody.safeParse(entry.body).data ?? null,
  "update.finished": tellUpdate,
  "drift.found": describe("Warning", "DriftFound", "drift was found"),
  "drift.repaired": describe("Normal", "DriftRepaired", "drift was repaired"),
  "desired.refused": describe("Warning", "DesiredRefused", "the device refused its desired state"),
  "entries.dropped": describe("Warning", "EntriesDropped", "the device dropped journal entries"),
};

const outcomes = {
  succeeded: { type: "Normal", reason: "UpdateSucceeded", words: "succeeded" },
  superseded: { type: "Normal", reason: "UpdateSuperseded", words: "was superseded" },
  refused: { type: "Warning", reason: "UpdateRefused", words: "was refused" },
  rolledBack: { type: "Warning", reason: "UpdateRolledBack", words: "was rolled back" },
  failed: { type: "Warning", reason: "UpdateFailed", words: "failed" },
} as const satisfies Record<
  UpdateFinishedBody["outcome"],
  { type: Severity; reason: string; words: string }
>;

function tellUpdate(entry: JournalEntry): EventBody | null {
  const body = UpdateFinishedBody.safeParse(entry.body).data;
  if (body === undefined) return null;
  const { type, reason, words } = outcomes[body.outcome];
  const what = `update of ${entry.app ?? "the device"} to commit ${body.commit.slice(0, 8)} ${words}`;
  return { type, reason, message: body.message === undefined ? what : `${what}: ${body.message}` };
}

function describe(type: Severity, reason: string, words: string): Teller {
  return ({ app, body: { message } }) => {
    const subject = app === undefined ? words : `${app}: ${words}`;
    const text = typeof message === "string" ? `${subject}: ${message}` : subject;
    return { type, reason, message: text };
  };
}
