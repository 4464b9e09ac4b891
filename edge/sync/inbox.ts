// Takes desired states in: checks size, form, signature and addressee, and gives them to the journal.
import type { KeyObject } from "node:crypto";
import type { Clock } from "#shared/clock.ts";
import type { DesiredState } from "#shared/desired.ts";
import { type Envelope, openDesired } from "#shared/envelope.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { decode } from "#shared/wire.ts";
import type { MemoKeeper } from "./memo.ts";
import type { SyncJournal, SyncLogger } from "./port.ts";
import { createWake } from "./wake.ts";

export interface Inbox {
  /** Never throws: what is refused is journalled, and the device keeps what it has.
   *  @param isRetained it came with the connection, and not because the hub has just said it */
  receive(payload: Uint8Array, isRetained?: boolean): void;
  /** Takes in again what the journal could not take for a passing reason: a retained message comes once
   *  per connection, and one that was dropped might be missed for days. Never throws. */
  run(signal: AbortSignal): Promise<void>;
}

const againMs = 2000;

export function createInbox(options: {
  device: DeviceId;
  trusted: ReadonlyMap<string, KeyObject>;
  journal: SyncJournal;
  logger: SyncLogger;
  clock: Clock;
  /** Beside the desired state the hub may send its memo. */
  memos: MemoKeeper;
  onAccepted: () => void;
  /** The hub has said again what stands: it wants to know how things are now. */
  onAsked: () => void;
  /** An older desired state than the one in force came. */
  onBehind: () => void;
  onJournalGrew: () => void;
}): Inbox {
  const { journal, logger, clock } = options;
  const refuse = createRefusals(options);
  const unkeptCame = createWake();
  let unkept: Uint8Array | undefined;

  /** @returns whether it is the newest now */
  const take = (payload: Uint8Array, isRetained: boolean): boolean => {
    const { memo, ...envelope } = decode("desired", payload);
    if (memo !== undefined) options.memos.receive(memo);
    const desired = openAddressed(envelope, options.device, options.trusted);
    const verdict = journal.receive(desired, envelope);
    logger.debug({ generation: desired.generation, verdict }, "desired state came");
    if (verdict === "stale") options.onBehind();
    if (verdict === "same" && !isRetained) options.onAsked();
    if (verdict !== "accepted") return false;
    refuse.forget();
    options.onJournalGrew();
    options.onAccepted();
    return true;
  };
  const receive = (payload: Uint8Array, isRetained = false): void => {
    // An empty payload clears the broker's retained topic; it never means "delete everything".
    if (payload.byteLength === 0) return;
    try {
      if (take(payload, isRetained) || payload === unkept) unkept = undefined;
    } catch (thrown) {
      const error = asFleetError(thrown);
      refuse.record(error);
      if (error.code !== "journal_unusable" || error.retry === "never") return;
      unkept = payload;
      unkeptCame.set();
    }
  };
  return {
    receive,
    run: async (signal) => {
      while (!signal.aborted) {
        await unkeptCame.wait(signal);
        await clock.sleep(againMs, signal);
        if (unkept !== undefined && !signal.aborted) receive(unkept);
      }
    },
  };
}

/** The desired state in an envelope that a trusted key has signed for this device.
 *  @throws FleetError envelope_invalid */
export function openAddressed(
  envelope: Envelope,
  device: DeviceId,
  trusted: ReadonlyMap<string, KeyObject>,
): DesiredState {
  const desired = openDesired(envelope, trusted);
  if (desired.device === device) return desired;
  throw new FleetError("envelope_invalid", {
    message: `the desired state is for the device ${desired.device} and not for ${device}`,
    hint: "Look for two devices that share an identity, or a broker that mixes topics.",
  });
}

/** A retained message comes again with each connection; its cause is journalled the first time. */
function createRefusals(options: {
  journal: SyncJournal;
  logger: SyncLogger;
  onJournalGrew: () => void;
}) {
  const { journal, logger, onJournalGrew } = options;
  const known = new Set<string>();
  return {
    forget: () => known.clear(),
    record: (error: FleetError): void => {
      const cause = `${error.code} ${error.sentence}`;
      if (known.has(cause)) return;
      if (known.size >= 64) known.clear();
      known.add(cause);
      logger.warn(
        { code: error.code, hint: error.hint },
        `desired state refused: ${error.sentence}`,
      );
      if (error.code === "journal_unusable") return;
      try {
        journal.append(entryOf(error));
        onJournalGrew();
      } catch {
        // It is in the log; what keeps the journal from being written the loop tells.
      }
    },
  };
}

/** Two contents under one generation is an alarm of its own: it means two hubs, or a stolen key. */
function entryOf({ code, sentence }: FleetError) {
  if (code === "generation_conflict") {
    const body = { type: "Warning", reason: "GenerationConflict", message: sentence };
    return { kind: "event", body } as const;
  }
  return { kind: "desired.refused", body: { code, message: sentence } } as const;
}
