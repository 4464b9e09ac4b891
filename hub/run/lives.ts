// Keeps every device's phase: by what devices show, by inventory files, and by hand.
import { isDeepStrictEqual } from "node:util";
import type { Bus } from "#hub/bus.ts";
import type { DeviceStatus, HubEvent, NewEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RunBook } from "./book.ts";
import { type InventoryRecord, importedLife } from "./inventory.ts";
import { type DeviceFacts, type Lived, observed } from "./life.ts";
import { isOver } from "./model.ts";
import { type Lifecycle, lifeAfter, newLifecycle, type Phase } from "./phase.ts";
import * as words from "./words.ts";

export interface Word {
  operator: string;
  reason: string;
}

export interface Lives {
  /** Also of a device that was enrolled just now.
   *  @throws FleetError not_found */
  of(device: DeviceId): Promise<Lifecycle>;
  /** The phase as what the device shows makes it. */
  look(life: Lifecycle): Promise<Lived>;
  /** Looks at these devices, and keeps those that it did not know. */
  settle(ids: ReadonlySet<DeviceId>): Promise<void>;
  /** @param isTrial nothing is stored; what would come of it is the answer */
  import(
    records: readonly InventoryRecord[],
    operator: string,
    isTrial?: boolean,
  ): Promise<Lifecycle[]>;
  /** @throws FleetError not_found, state_conflict */
  place(device: DeviceId, phase: "READY" | "MAINTENANCE", given: Word): Promise<Lifecycle>;
}

/** A device in another phase leaves it by a run or by hand alone. */
const watched: ReadonlySet<Phase> = new Set<Phase>(["FACTORY_READY", "READY", "IN_SERVICE", "RMA"]);

export function createLives(parts: {
  store: Pick<
    Store,
    "deviceStatuses" | "secretHash" | "lifecycle" | "lifecycles" | "saveLifecycles"
  >;
  book: RunBook;
  appsOf(device: DeviceId): Promise<number>;
  bus: Bus;
  clock: Clock;
}): Lives {
  const { store, book, bus, clock } = parts;
  const factsOf = async (
    { device, phase }: Lifecycle,
    status: DeviceStatus | undefined,
  ): Promise<DeviceFacts> => {
    const asks = phase === "FACTORY_READY" || phase === "RMA";
    const isEnrolled =
      status !== undefined && (!asks || ((await store.secretHash(device)) ?? "") !== "");
    const isSynced = status?.sync === "Synced" && status.desiredGeneration > 0;
    return { isEnrolled, isSynced, apps: await parts.appsOf(device) };
  };
  const look = async (life: Lifecycle): Promise<Lived> => {
    const [status] = await store.deviceStatuses([life.device]);
    return observed(life, await factsOf(life, status), clock.now());
  };
  const save = async (lives: readonly Lifecycle[], events: NewEvent[]): Promise<void> => {
    const stored: HubEvent[] = await store.saveLifecycles(lives, events);
    for (const life of lives) book.putLife(life);
    for (const { device } of lives) tellLife(bus, device);
    for (const event of stored) bus.emit("event", event);
  };
  /** The book's own object stays where both say the same. */
  const renew = (life: Lifecycle): void => {
    if (!isDeepStrictEqual(life, book.life(life.device))) book.putLife(life);
  };
  /** What is stored rests on the store: a device may have brought back to it what the book does not have. */
  const known = async (device: DeviceId): Promise<Lifecycle | undefined> => {
    const life = await store.lifecycle(device);
    if (life !== null) renew(life);
    return book.life(device);
  };
  const livedBy = async (before: Lifecycle, status: DeviceStatus): Promise<Lived> => {
    if (!watched.has(before.phase)) return { life: before, why: undefined };
    return observed(before, await factsOf(before, status), clock.now());
  };
  const settle: Lives["settle"] = async (ids) => {
    const statuses = await store.deviceStatuses([...ids]);
    const now = clock.now();
    const changed: Lived[] = [];
    for (const status of statuses) {
      const held = book.life(status.id);
      if (held !== undefined && (await livedBy(held, status)).life === held) continue;
      const before = (await known(status.id)) ?? newLifecycle(status.id, now);
      const lived = await livedBy(before, status);
      if (lived.life !== book.life(status.id)) changed.push(lived);
    }
    // What was never looked at before, as after an update of the hub, is no news.
    const news = changed.flatMap(({ life, why }) =>
      why === undefined || book.life(life.device) === undefined
        ? []
        : [words.eventOf(life.device, words.tellPhase(life, why), now)],
    );
    if (changed.length > 0)
      await save(
        changed.map(({ life }) => life),
        news,
      );
  };
  const lifeOf = async (device: DeviceId): Promise<Lifecycle> => {
    if ((await known(device)) === undefined) await settle(new Set([device]));
    const life = book.life(device);
    if (life === undefined) throw words.unknownDevice(device);
    return life;
  };
  const import_: Lives["import"] = async (records, operator, isTrial = false) => {
    const now = clock.now();
    for (const life of await store.lifecycles()) renew(life);
    const lives = records.map((record) => importedLife(book.life(record.id), record, now));
    const changed = lives.filter((life) => life !== book.life(life.device));
    if (isTrial) return lives;
    const message = `${operator} imported ${changed.length} of ${records.length} devices`;
    const told = { type: "Normal", reason: "DevicesImported", message } as const;
    if (changed.length > 0) await save(changed, [words.eventOf(null, told, now)]);
    // Their labels may select other deployments.
    for (const { device } of changed) bus.emit("membership", device);
    return lives;
  };
  const place: Lives["place"] = async (device, phase, { operator, reason }) => {
    const before = await lifeOf(device);
    const open = book.openOf(device);
    if (open !== undefined && !isOver(open.head)) throw words.activeRun(open);
    const now = clock.now();
    const [what, act] = phase === "READY" ? released : withdrawn;
    const why = { reason: "ByHand", message: `${operator} ${act}: ${reason}` };
    const after = lifeAfter(before, what, why, now);
    if (after === before) {
      if (before.phase === phase || (phase === "READY" && before.phase === "IN_SERVICE"))
        return before;
      throw notFrom(before, phase);
    }
    const { life } = await look(after);
    await save([life], [words.eventOf(device, words.tellPhase(life, why), now)]);
    return life;
  };
  return {
    of: lifeOf,
    look,
    settle,
    import: import_,
    place,
  };
}

/** Also to those who wait for a condition of its life. */
export function tellLife(bus: Bus, device: DeviceId): void {
  bus.emit("run", device);
  bus.emit("device", device);
}

const released = ["released", "released it"] as const;
const withdrawn = ["withdrawn", "took it out of service"] as const;

function notFrom({ device, phase }: Lifecycle, wanted: Phase): FleetError {
  return new FleetError("state_conflict", {
    message: `${device} is ${phase} and cannot be made ${wanted} by hand`,
    subject: device,
    hint: phase === "RMA" ? "Replace the hardware and enrol it." : "Enrol it, or run a plan on it.",
  });
}
