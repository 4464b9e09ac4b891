// Takes in what devices say, by MQTT and HTTP, and brings it to the store in batches.
import type { Broker, Uplink } from "#hub/broker/port.ts";
import type { Bus } from "#hub/bus.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalAck } from "#shared/journal.ts";
import type { Message } from "#shared/wire.ts";
import { applySilence, type Moment, refreshSync } from "./apply.ts";
import { createBatches } from "./batches.ts";
import { type IngestCounters, zeroCounters } from "./counters.ts";
import { hubEvent } from "./events.ts";
import { createFlusher } from "./flusher.ts";
import { checkUplink, readUplink } from "./intake.ts";
import { createLiveDevices, type LiveDevice } from "./live.ts";
import { createQueue, type Uplinked, type Waiter } from "./queue.ts";
import { createStaleness } from "./staleness.ts";

interface Options {
  store: Pick<Store, "deviceStatuses" | "changeDevices" | "appendJournal">;
  broker: Pick<Broker, "onUplink" | "acknowledge">;
  bus: Bus;
  clock: Clock;
  /** How long the first message of a batch waits for others. */
  gatherMs?: number;
  /** Messages per transaction. */
  maxBatch?: number;
  /** Waiting messages above which heartbeats are dropped. */
  maxQueued?: number;
  /** Waiting bytes above which journals are left to be sent again. */
  maxJournalBytes?: number;
  /** The same for each device. */
  maxJournalBytesPerDevice?: number;
  /** After every flush, for measuring. */
  readonly onFlush?: (seconds: number) => void;
}

export interface Ingest {
  /** Loads the devices and listens. Call it before the broker takes connections. */
  start(): Promise<void>;
  /** Stores what has come in so far; idempotent. */
  stop(): Promise<void>;
  /** A message that came by HTTP and fits its schema. Resolves once it is in the store, for a journal
   *  with its acknowledgement.
   *  @throws FleetError message_invalid, not_found for an unknown device, store_unavailable */
  accept<C extends Uplink>(
    device: DeviceId,
    channel: C,
    message: Message<C>,
  ): Promise<JournalAck | null>;
  counters(): IngestCounters;
}

const tickMs = 1000;
const retryMs = 1000;
const refusalEveryMs = 60_000;
/** An agent has one batch under way, and the largest is half as large. More of the smallest entries would hold up
 *  all others for a second while they are written. */
const oneDevicesBytes = 1024 * 1024;

export function createIngest(options: Options): Ingest {
  const { store, broker, bus, clock, gatherMs = 100, maxBatch = 500 } = options;
  const { maxQueued = 50_000, maxJournalBytes = 64 * 1024 * 1024 } = options;
  const { maxJournalBytesPerDevice = oneDevicesBytes } = options;
  const counters = zeroCounters();
  const queue = createQueue({
    maxMessages: maxQueued,
    maxJournalBytes,
    maxJournalBytesPerDevice,
  });
  const staleness = createStaleness();
  const refusedAtMs = new Map<DeviceId, number>();
  const stopping = new AbortController();
  let ticking: Promise<void> | undefined;

  const moment = (): Moment => ({ now: clock.now(), monotonicMs: clock.monotonicMs() });
  const live = createLiveDevices(store, (device) =>
    refreshSync(device, flusher.outcome(), moment()),
  );
  const flusher = createFlusher({ store, broker, bus, clock, live, counters });
  const batches = createBatches({
    clock,
    gatherMs,
    retryMs,
    flush: async () => {
      const startedMs = clock.monotonicMs();
      const items = flusher.isHolding() ? [] : queue.take(maxBatch);
      const stored = await flusher.flush(items);
      for (const { device } of items) watch(live.get(device));
      counters.batches += 1;
      counters.batchedMessages += items.length;
      options.onFlush?.((clock.monotonicMs() - startedMs) / 1000);
      // Nothing more is taken now, and a request must not hang, nor its like gather, for as long as that.
      if (flusher.isHolding()) queue.release(storeAway());
      if (!stored) return "failed";
      return queue.length() > 0 || live.hasMarked() ? "more" : "idle";
    },
  });

  /** Only who is Online can fall silent. */
  const watch = (device: LiveDevice | undefined): void => {
    if (device === undefined) return;
    if (device.connection !== "Online") staleness.forget(device.id);
    else staleness.heard(device.id, device.heartbeatMs, clock.monotonicMs());
  };
  const push = (device: DeviceId, uplinked: Uplinked, bytes: number, waiter?: Waiter): void => {
    counters.messages[uplinked.channel] += 1;
    const waiters = waiter === undefined ? [] : [waiter];
    const verdict = queue.push({ ...uplinked, device, moment: moment(), bytes, waiters });
    if (verdict === "coalesced") counters.coalesced += 1;
    if (verdict === "beat_dropped") counters.beatsDropped += 1;
    if (verdict === "journal_deferred") counters.journalsDeferred += 1;
    if (verdict === "beat_dropped" || verdict === "journal_deferred") waiter?.failed(overloaded());
    batches.wake(queue.length() >= maxBatch);
  };
  /** Told once a minute per device at most: a device that repeats itself must not fill the events. */
  const refuse = (device: DeviceId, error: FleetError): void => {
    counters.refused[error.code] = (counters.refused[error.code] ?? 0) + 1;
    const { now, monotonicMs } = moment();
    const lastMs = refusedAtMs.get(device);
    if (lastMs !== undefined && monotonicMs - lastMs < refusalEveryMs) return;
    refusedAtMs.set(device, monotonicMs);
    flusher.outcome().add(hubEvent(device, "MessageRefused", error.sentence, now));
    batches.wake(false);
  };
  const hear = (device: DeviceId, channel: Uplink, payload: Uint8Array): void => {
    if (stopping.signal.aborted) return;
    try {
      const bytes = channel === "journal" ? payload.byteLength : 0;
      push(device, readUplink(device, channel, payload), bytes);
    } catch (error) {
      refuse(device, asFleetError(error));
    }
  };
  const look = (device: DeviceId): void => {
    if (flusher.isSpeaking() || stopping.signal.aborted) return;
    live.mark(device);
    batches.wake(false);
  };
  const tick = (): void => {
    const at = moment();
    const silent = staleness.tick(at.monotonicMs);
    for (const id of silent) {
      const device = live.get(id);
      if (device !== undefined) applySilence(device, flusher.outcome(), at);
    }
    if (silent.length > 0) batches.wake(false);
  };
  const tickOn = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(tickMs, stopping.signal);
      if (!stopping.signal.aborted) tick();
    }
  };
  let unlisten: (() => void)[] = [];

  return {
    start: async () => {
      if (ticking !== undefined) return;
      await live.loadAll();
      staleness.tick(clock.monotonicMs());
      for (const device of live.all()) watch(device);
      broker.onUplink(hear);
      unlisten = [bus.on("device", look), bus.on("membership", look)];
      batches.start();
      ticking = tickOn();
    },
    stop: async () => {
      stopping.abort();
      for (const stop of unlisten) stop();
      await ticking;
      await batches.stop();
    },
    accept: (device, channel, message) => {
      const { promise, resolve, reject } = Promise.withResolvers<JournalAck | null>();
      try {
        const uplinked = checkUplink(device, channel, message);
        const bytes = channel === "journal" ? JSON.stringify(message).length : 0;
        push(device, uplinked, bytes, { stored: resolve, failed: reject });
      } catch (error) {
        refuse(device, asFleetError(error));
        reject(error);
      }
      return promise;
    },
    counters: () => ({ ...structuredClone(counters), queued: queue.lengths() }),
  };
}

function storeAway(): FleetError {
  return new FleetError("store_unavailable", {
    message: "the hub cannot read its store now",
    hint: "Send it again later.",
  });
}

function overloaded(): FleetError {
  return new FleetError("store_unavailable", {
    message: "the hub has more waiting messages than it can hold",
    hint: "Send it again later.",
  });
}
