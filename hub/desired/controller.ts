// Keeps every device's desired state as the repository wants it: stored, signed, published only on change.
import { setImmediate as breathe } from "node:timers/promises";
import type { Broker } from "#hub/broker/port.ts";
import type { Bus } from "#hub/bus.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DesiredRow, DeviceChange, DeviceRow, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { DeviceId, Digest, Labels } from "#shared/ids.ts";
import type { RunOrder } from "#shared/run.ts";
import { serially } from "#shared/serial.ts";
import { createClaims } from "./claims.ts";
import type { OlderOf } from "./compute/compute.ts";
import { decide } from "./decide.ts";
import type { SigningKey } from "./keys.ts";

interface DesiredControllerOptions {
  store: Pick<
    Store,
    "allDesired" | "allDevices" | "changeDevices" | "saveManyDesired" | "addEvents"
  >;
  broker: Pick<Broker, "publishDesired">;
  bus: Bus;
  clock: Clock;
  key: SigningKey;
  /** Devices that a pin or a rollout keeps at another state of the fleet, or sends back to it. */
  placements?: { olderOf(device: DeviceId, labels: Labels): OlderOf };
  /** What a device is to do once, beside being what it should be. */
  runs?: { orderOf(device: DeviceId): RunOrder | undefined };
  /** While it is true nothing new leaves. */
  readonly isPaused?: () => boolean;
  /** Ms for which a device that claims a higher generation than the hub knows may prove it by its return, before
   *  the hub simply numbers above the claim; 0 by default. */
  proofMs?: number;
}

export interface DesiredController {
  /** Loads what was wanted before and publishes it again: the broker keeps nothing. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The fleet is wanted like this now. Settles when every device was looked at. */
  follow(fleet: FleetSnapshot): Promise<void>;
  /** Looks at these devices, or at all. Runs one at a time; calls during a run share the next.
   *  @throws FleetError store_unavailable; a fault of one device is an event and spares the others */
  reconcile(ids?: readonly DeviceId[]): Promise<void>;
  current(device: DeviceId): Promise<DesiredRow | null>;
  /** The device holds this, in the hub's own hand, and the hub did not know it. */
  adopt(row: DesiredRow): Promise<void>;
  /** Publishes again what stands. */
  repeat(device: DeviceId): void;
  /** Releases that any device is to have. */
  inUse(): Digest[];
}

/** Devices looked at before others get their turn. */
const batchSize = 200;
const retryMs = 5_000;

export function createDesiredController(options: DesiredControllerOptions): DesiredController {
  const { store, broker, bus, clock, key } = options;
  const announce = createAnnouncer(options);
  const known = new Map<DeviceId, DesiredRow>();
  const faults = new Map<DeviceId, string>();
  /** Spec hashes for which a device already got another number, because it held other content. */
  const answered = new Map<DeviceId, string>();
  const stopping = new AbortController();
  let fleet: FleetSnapshot | undefined;
  let pending: Set<DeviceId> | "all" = new Set();
  let stopListening = (): void => undefined;

  const isPaused = (): boolean => options.isPaused?.() === true;
  const claims = createClaims({ clock, proofMs: options.proofMs ?? 0, signal: stopping.signal });

  /** Undefined when nothing can be decided for the device. */
  const consider = async (wanted: FleetSnapshot, device: DeviceRow) => {
    try {
      const current = known.get(device.id);
      const isAhead = device.observedGeneration > (current?.generation ?? 0);
      if (claims.isOpen(device.id, isAhead, reconcileSurely)) return undefined;
      // Once for each content: an agent that hashes it otherwise must not get new numbers without end.
      const isAnswer = current !== undefined && answered.get(device.id) === current.specHash;
      const now = clock.now();
      const { placements } = options;
      const olderOf = placements && ((labels: Labels) => placements.olderOf(device.id, labels));
      const run = options.runs?.orderOf(device.id);
      const decision = decide({ fleet: wanted, device, current, isAnswer, key, now, olderOf, run });
      if (decision.isConflict === true) answered.set(device.id, current?.specHash ?? "");
      faults.delete(device.id);
      return decision;
    } catch (error) {
      const { sentence: message } = asFleetError(error);
      if (faults.get(device.id) === message) return undefined;
      await announce({ type: "Warning", reason: "DesiredRefused", message, device: device.id });
      faults.set(device.id, message);
      return undefined;
    }
  };
  const publish = (row: DesiredRow): void => {
    known.set(row.device, row);
    broker.publishDesired(row.device, row.envelope);
  };
  const reconcileBatch = async (wanted: FleetSnapshot, devices: DeviceRow[]): Promise<void> => {
    const relabelled: DeviceChange[] = [];
    const rows: DesiredRow[] = [];
    for (const device of devices) {
      const decision = await consider(wanted, device);
      if (decision?.labels !== undefined) {
        relabelled.push({ id: device.id, labels: decision.labels });
      }
      if (decision?.next !== undefined) rows.push(decision.next);
    }
    if (relabelled.length > 0) await store.changeDevices(relabelled);
    if (isPaused()) return;
    // Stored first: a device must never hold a generation that the hub could give out again.
    if (rows.length > 0) await store.saveManyDesired(rows);
    if (rows.length > 0) faultPoint("before:publish");
    for (const row of rows) publish(row);
    const changed = new Set([...relabelled.map(({ id }) => id), ...rows.map((row) => row.device)]);
    for (const id of changed) bus.emit("device", id);
  };
  const devicesOf = async (ids: Set<DeviceId> | "all"): Promise<DeviceRow[]> => {
    return ids === "all" ? store.allDevices() : store.allDevices([...ids]);
  };
  const want = (ids: Iterable<DeviceId> | "all"): void => {
    if (ids === "all") pending = "all";
    else if (pending !== "all") for (const id of ids) pending.add(id);
  };
  const run = serially(async () => {
    const wanted = fleet;
    const ids = pending;
    pending = new Set();
    if (wanted === undefined || isPaused()) return;
    try {
      const devices = await devicesOf(ids);
      for (let at = 0; at < devices.length && !stopping.signal.aborted; at += batchSize) {
        await reconcileBatch(wanted, devices.slice(at, at + batchSize));
        await breathe();
      }
    } catch (error) {
      // Several share a run, and not each of them comes again.
      want(ids);
      throw error;
    }
  });
  const reconcile = (ids: readonly DeviceId[] | "all" = "all"): Promise<void> => {
    want(ids);
    return run();
  };
  /** Nobody waits for a membership change, so its failure is tried again from here. */
  const reconcileSurely = async (id: DeviceId): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        return await reconcile([id]);
      } catch {
        await clock.sleep(retryMs, stopping.signal);
      }
    }
  };

  return {
    start: async () => {
      for (const row of await store.allDesired()) publish(row);
      stopListening = bus.on("membership", (id) => void reconcileSurely(id));
    },
    stop: async () => {
      stopListening();
      stopping.abort();
      await run().catch(() => undefined);
    },
    follow: (next) => {
      fleet = next;
      return reconcile();
    },
    reconcile,
    current: (device) => Promise.resolve(known.get(device) ?? null),
    adopt: async (row) => {
      await store.saveManyDesired([row]);
      publish(row);
    },
    repeat: (device) => {
      const row = known.get(device);
      if (row !== undefined) publish(row);
    },
    inUse: () => {
      const digests = new Set<Digest>();
      for (const { content } of known.values()) {
        for (const { release } of content.apps) digests.add(release.digest);
        if (content.safeStack !== undefined) digests.add(content.safeStack.release.digest);
      }
      return [...digests];
    },
  };
}
