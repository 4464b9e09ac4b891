// Pins and edits of devices: orders them, stores them with who and why, ends them in time, and lets the desired
// states follow.
import type { Bus } from "#hub/bus.ts";
import type { DesiredController } from "#hub/desired/controller.ts";
import { createWaker } from "#hub/rollout/waker.ts";
import type { EditChange, PinRow } from "#hub/store/pin_port.ts";
import type { DeviceRow, HubEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { createQueue } from "#shared/serial.ts";
import { laidOver } from "./compute/edits.ts";
import { isPinnedBy } from "./compute/pin.ts";
import type { Pin } from "./overrides.ts";
import type { Pins } from "./pins.ts";
import {
  deploymentNamed,
  findTarget,
  onlyDeploymentOn,
  sourceOfPin,
  type TargetParts,
} from "./target.ts";
import { type By, editedEvent, endedEvent, pinnedEvent, unpinnedEvent } from "./words.ts";

// INVARIANTS
// 1. What holds is what the store has; `pins` is its copy, and changes only after it.
// 2. A pin that was stored or removed is owed to its devices until their desired states follow, whatever fails
//    between.
// 3. A pin's release was checked as a commit is before it is accepted, and is stored with the pin: neither a
//    force-push nor a lost clone takes it away.

interface Options extends TargetParts {
  store: Store;
  desired: Pick<DesiredController, "reconcile">;
  pins: Pins;
  bus: Bus;
  clock: Clock;
  /** What the next look will try again. */
  readonly onFailed?: (error: unknown) => void;
}

export interface PinRequest extends By {
  /** Absent: the only one of `device`. */
  deployment?: AppName;
  device?: DeviceId;
  labelSelector?: string;
  /** A commit or a release, whole or its beginning. */
  to: string;
  /** Unix ms. */
  until?: number;
}

export interface Control {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads the pins from the store again, after others have changed them there, and looks in Git for what is
   *  not known of them yet. */
  reload(): Promise<void>;
  pins(): Pin[];
  /** Settles when the devices' desired states follow.
   *  @throws FleetError not_found, request_invalid, and what refuses a commit */
  pin(request: PinRequest): Promise<Pin>;
  /** @throws FleetError not_found */
  unpin(id: number, by: By): Promise<void>;
  /** Lays labels and values over the device's files, or takes them away again.
   *  @throws FleetError not_found */
  edit(device: DeviceId, change: EditChange, by: By): Promise<DeviceRow>;
}

const retryMs = 5000;

export function createControl(options: Options): Control {
  const { store, desired, pins, bus, clock } = options;
  const alone = createQueue();
  const stopping = new AbortController();
  /** Pins that changed and that the desired states do not follow yet. */
  let owed: PinRow[] = [];

  const publish = (events: readonly HubEvent[]): void => {
    for (const event of events) bus.emit("event", event);
  };
  /** What came back without its source, or could not be read then, is looked up in Git again. */
  const withSource = async (row: PinRow): Promise<PinRow> => {
    // Before the fleet is known, the pin's branch would pass for the default one.
    if (row.source !== null || options.releases.snapshot() === undefined) return row;
    const source = await sourceOfPin(options.releases, row.pin).catch(() => undefined);
    if (source === undefined) return row;
    await store.setPinSource(row.pin.id, source);
    return { ...row, source };
  };
  const load = async (): Promise<void> => {
    const rows = await store.pins();
    pins.set(await Promise.all(rows.map(withSource)));
    const ends = pins.rows().flatMap(({ pin }) => pin.until ?? []);
    waker.clear();
    if (ends.length > 0) waker.at(Math.min(...ends));
  };
  /** Rollouts look again as well: a pinned device is none that they can count on. */
  const follow = async (changed: readonly PinRow[]): Promise<void> => {
    const read = changed.map(({ pin }) => ({
      pin,
      selector: parseSelector(pin.labelSelector ?? ""),
    }));
    const rows = await store.allDevices();
    const ids = rows.filter((row) => read.some((one) => isPinnedBy(one, row))).map(({ id }) => id);
    for (const id of ids) bus.emit("membership", id);
    await desired.reconcile(ids);
  };
  const settle = async (events: readonly HubEvent[] = []): Promise<void> => {
    try {
      await load();
      publish(events);
      if (owed.length > 0) await follow(owed);
      owed = [];
    } catch (error) {
      if (!stopping.signal.aborted) waker.at(clock.now() + retryMs);
      throw error;
    }
  };
  const endDue = async (): Promise<void> => {
    const now = clock.now();
    const due = pins.rows().filter(({ pin }) => pin.until !== undefined && pin.until <= now);
    for (const row of due) {
      publish((await store.removePin(row.pin.id, endedEvent(row.pin, now))) ?? []);
      owed.push(row);
    }
    await settle();
  };
  const waker = createWaker({
    clock,
    coalesceMs: 0,
    wake: () => {
      alone(endDue).catch((error: unknown) => {
        options.onFailed?.(error);
        if (!stopping.signal.aborted) waker.at(clock.now() + retryMs);
      });
    },
  });

  const pin = async (request: PinRequest): Promise<Pin> => {
    const { device, labelSelector, operator, reason, until } = request;
    const at = clock.now();
    if (until !== undefined && until <= at) throw over();
    if (labelSelector !== undefined) parseSelector(labelSelector);
    const fleet = options.releases.snapshot();
    const row = device === undefined ? undefined : await known(store, device);
    const deployment =
      request.deployment === undefined
        ? onlyDeploymentOn(fleet, row ?? nobody())
        : deploymentNamed(fleet, request.deployment);
    const { source, ...target } = await findTarget(options, deployment, request.to);
    const scope = {
      ...(device === undefined ? {} : { device }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(until === undefined ? {} : { until }),
    };
    const made = { ...target, ...scope, operator, reason, at };
    const added = await store.addPin({ pin: made, source }, pinnedEvent);
    owed.push(added.row);
    await settle(added.events);
    return added.row.pin;
  };
  const unpin = async (id: number, by: By): Promise<void> => {
    const row = pins.rows().find((one) => one.pin.id === id);
    const events = row && (await store.removePin(id, unpinnedEvent(row.pin, by, clock.now())));
    if (row !== undefined && events) owed.push(row);
    await settle(events ?? []);
    if (row === undefined || !events) throw noPin(id);
  };

  return {
    start: async () => {
      await load();
      await alone(endDue);
    },
    stop: async () => {
      stopping.abort();
      waker.stop();
      await alone(() => Promise.resolve());
    },
    reload: () => alone(() => settle()),
    pins: () => pins.rows().map((row) => row.pin),
    pin: (request) => alone(() => pin(request)),
    unpin: (id, by) => alone(() => unpin(id, by)),
    edit: async (device, change, by) => {
      const row = await known(store, device);
      if (changesNothing(change)) return row;
      refuseTooMuch(row, change);
      const event = editedEvent(device, change, by, clock.now());
      const events = await store.editDevice(device, change, [event]);
      if (events === null) throw noDevice(device);
      publish(events);
      await desired.reconcile([device]);
      bus.emit("membership", device);
      return known(store, device);
    },
  };
}

function changesNothing({ labels = {}, values = {} }: EditChange): boolean {
  return Object.keys(labels).length + Object.keys(values).length === 0;
}

/** What should last belongs into the repository; and all of it goes into one desired state. */
const maxEdits = 64;
const maxValueChars = 16_384;

function refuseTooMuch({ id, edits }: DeviceRow, change: EditChange): void {
  const { labels, values } = laidOver(edits, change);
  const chars = Object.values(values).reduce((sum, { value }) => sum + value.length, 0);
  const count = Object.keys(labels).length + Object.keys(values).length;
  if (count <= maxEdits && chars <= maxValueChars) return;
  throw new FleetError("request_invalid", {
    message: `${id} would have ${count} overrides with ${chars} characters; ${maxEdits} with ${maxValueChars} are the most`,
    hint: "Write what should last into the repository.",
    subject: id,
  });
}

async function known(store: Pick<Store, "device">, id: DeviceId): Promise<DeviceRow> {
  const row = await store.device(id);
  if (row === null) throw noDevice(id);
  return row;
}

function noDevice(id: DeviceId): FleetError {
  return new FleetError("not_found", {
    message: `no device "${id}" is enrolled here`,
    hint: "List them with: fleet get devices.",
    subject: id,
  });
}

function nobody(): never {
  throw new FleetError("request_invalid", {
    message: "which deployment? Only a pin of one device may leave it out",
    hint: "Name the deployment.",
  });
}

function over(): FleetError {
  return new FleetError("request_invalid", {
    message: "the end of the pin is over already",
    hint: "Give a time that is to come.",
  });
}

function noPin(id: number): FleetError {
  return new FleetError("not_found", {
    message: `no pin has the number ${id}`,
    hint: "List them with: fleet pins.",
    subject: String(id),
  });
}
