// Stores one batch of messages: the devices' states in one transaction, their journals in another, and
// only then acknowledges and tells.
import type { Broker } from "#hub/broker/port.ts";
import type { Bus } from "#hub/bus.ts";
import type { AppendedJournal, HubEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import { applyBeat, applyJournal, applyPresence, applyReported } from "./apply.ts";
import type { IngestCounters } from "./counters.ts";
import { entryEvent } from "./events.ts";
import type { LiveDevice, LiveDevices } from "./live.ts";
import { Outcome } from "./outcome.ts";
import type { Queued } from "./queue.ts";

interface Parts {
  store: Pick<Store, "changeDevices" | "appendJournal">;
  broker: Pick<Broker, "acknowledge">;
  bus: Bus;
  clock: Clock;
  live: LiveDevices;
  counters: IngestCounters;
}

export interface Flusher {
  /** What the next flush will store. */
  outcome(): Outcome;
  /** @returns whether everything was stored; what was not is kept for the next time, except journals,
   *  which their devices send again */
  flush(items: Queued[]): Promise<boolean>;
  /** Whether messages of the last flush are still to be judged; no more are taken meanwhile. */
  isHolding(): boolean;
  /** Whether the flusher itself is the one who speaks on the bus right now. */
  isSpeaking(): boolean;
}

type Journal = Extract<Queued, { channel: "journal" }>;

export function createFlusher(parts: Parts): Flusher {
  const { store, broker, bus, clock, live, counters } = parts;
  let outcome = new Outcome();
  let held: Queued[] = [];
  let speaking = false;

  const speak = (telling: () => void): void => {
    speaking = true;
    try {
      telling();
    } finally {
      speaking = false;
    }
  };
  const tellEvents = (events: HubEvent[]): void =>
    speak(() => {
      for (const event of events) bus.emit("event", event);
    });
  const tellRuns = (appended: AppendedJournal[]): void =>
    speak(() => {
      for (const { device, added } of appended) {
        if (added.some(({ kind }) => kind.startsWith("run."))) bus.emit("run", device);
      }
    });
  const tellStates = (stored: Outcome): void =>
    speak(() => {
      for (const id of stored.touched) bus.emit("device", id);
      for (const id of stored.unsettled) bus.emit("membership", id);
    });

  const storeStates = async (): Promise<void> => {
    const storing = outcome;
    if (storing.isEmpty) return;
    outcome = new Outcome();
    const events = await store
      .changeDevices([...storing.changes.values()], storing.events)
      .catch((error: unknown) => {
        outcome = storing.followedBy(outcome);
        throw error;
      });
    counters.eventsDropped += storing.eventsDropped;
    tellStates(storing);
    tellEvents(events);
  };
  const storeJournals = async (journals: Journal[]): Promise<void> => {
    if (journals.length === 0) return;
    const now = clock.now();
    const batches = journals.map(({ device, message }) => ({ device, batch: message }));
    const appended = await store.appendJournal(batches, now, (device, entry) =>
      entryEvent(device, entry, now),
    );
    faultPoint("before:acknowledge");
    for (const result of appended) acknowledge(broker, result, journals);
    tellRuns(appended);
    counters.journalEntries += appended.reduce((sum, { added }) => sum + added.length, 0);
    tellEvents(appended.flatMap(({ events }) => events));
  };
  const attempt = async (work: () => Promise<void>, concerned: Queued[]): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      counters.storeFailures += 1;
      for (const { waiters } of concerned)
        for (const { failed } of waiters.splice(0)) failed(error);
      return false;
    }
  };

  return {
    outcome: () => outcome,
    isHolding: () => held.length > 0,
    isSpeaking: () => speaking,
    flush: async (taken) => {
      const items = [...held, ...taken];
      held = items;
      if (!(await attempt(() => live.load(items.map(({ device }) => device)), items))) return false;
      held = [];
      const known = items.filter((item) => applyTo(live.get(item.device), item, outcome, counters));
      const journals = known.filter((item) => item.channel === "journal");
      const states = known.filter((item) => item.channel !== "journal");
      const statesStored = await attempt(storeStates, states);
      if (statesStored)
        for (const { waiters } of states) for (const { stored } of waiters) stored(null);
      const journalsStored = await attempt(() => storeJournals(journals), journals);
      if (!journalsStored) counters.journalsDeferred += journals.length;
      return statesStored && journalsStored;
    },
  };
}

/** @returns whether the device is known */
function applyTo(
  live: LiveDevice | undefined,
  item: Queued,
  outcome: Outcome,
  counters: IngestCounters,
): boolean {
  if (live === undefined) {
    counters.unknownDevices += 1;
    for (const { failed } of item.waiters) failed(unknownDevice(item.device));
    return false;
  }
  if (item.channel === "beat") applyBeat(live, item.message, outcome, item.moment);
  else if (item.channel === "reported") applyReported(live, item.message, outcome, item.moment);
  else if (item.channel === "conn") applyPresence(live, item.message, outcome, item.moment);
  else applyJournal(live, outcome, item.moment);
  return true;
}

function unknownDevice(device: string): FleetError {
  return new FleetError("not_found", {
    message: `device ${device} is not enrolled`,
    hint: "Enrol it with a new token.",
    subject: device,
  });
}

/** One acknowledgement per device and epoch, to whoever sent: by MQTT, or as the answer by HTTP. */
function acknowledge(
  broker: Pick<Broker, "acknowledge">,
  { device, epoch, seq }: AppendedJournal,
  journals: Journal[],
): void {
  const senders = journals.filter((item) => item.device === device && item.message.epoch === epoch);
  if (senders.some(({ waiters }) => waiters.length === 0)) {
    broker.acknowledge(device, { epoch, seq });
  }
  for (const { waiters } of senders) for (const { stored } of waiters) stored({ epoch, seq });
}
