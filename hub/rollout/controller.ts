// Moves rollouts on: asks what is to be done, stores it, and only then lets the devices' desired states follow.
import type { Bus } from "#hub/bus.ts";
import type { Pins } from "#hub/control/pins.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Absence } from "#hub/run/absence.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { FleetHalt, RolloutChange, RolloutRow } from "#hub/store/rollout_port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import { createQueue } from "#shared/serial.ts";
import { type OrderName, order } from "./advance/order.ts";
import { returning } from "./base.ts";
import { snapshotId } from "./begin.ts";
import { decideChange, joinedTo, refusingOf } from "./decide.ts";
import { createLook } from "./look.ts";
import { type Followed, loadTracks, takeUp } from "./take_up.ts";
import { changed, movedBy, rolloutOf, type Track, type Tracks } from "./track.ts";
import { createWaker } from "./waker.ts";
import { anotherStep, eventOf, meaningless, tellHalt, tellOrder, unknownRollout } from "./words.ts";

// INVARIANTS
// 1. What the devices are to have follows from the store alone. Killed after a decision was stored, the hub
//    computes the same desired states at its next start; killed before, it makes the same decision again.
// 2. Every change names the version that it was decided on; another one is refused whole, and looked at anew.
// 3. A new state of the fleet reaches the desired states only after its rollouts have begun.

interface Options {
  store: Store;
  /** The desired states of the devices. */
  desired: {
    follow(fleet: FleetSnapshot): Promise<void>;
    reconcile(ids?: readonly DeviceId[]): Promise<void>;
  };
  tracks: Tracks;
  /** Devices that a person keeps out of it. */
  pins?: Pick<Pins, "on">;
  bus: Bus;
  clock: Clock;
  /** What the next look will try again. */
  readonly onFailed?: (error: unknown) => void;
  /** While it is true nothing is decided. */
  readonly isPaused?: () => boolean;
  /** Notes a time in which nobody could be heard, before a deadline is looked at. */
  readonly attend?: () => Promise<void>;
  /** Ms in which changes of devices gather before they are looked at. */
  coalesceMs?: number;
}

export interface Order {
  name: OrderName;
  operator: string;
  reason: string;
  /** With `halt`: devices that have the release return to the last one that was promoted with them. */
  heals?: boolean;
  /** With `approve`: index of the step that the person has looked at; absent: whichever waits. */
  step?: number;
}

export interface RolloutController {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The accepted commits say this now. Settles when every device was looked at. */
  follow(fleet: FleetSnapshot): Promise<void>;
  /** Reads from the store again what others have changed in it. */
  reload(): Promise<void>;
  /** Looks at every rollout until nothing is left to do now. */
  settle(): Promise<void>;
  /** @throws FleetError not_found, state_conflict */
  order(id: number, given: Order): Promise<RolloutRow>;
  /** Halted, nothing is released and no commit is taken up. */
  haltFleet(given: { isHalted: boolean; operator: string; reason: string }): Promise<void>;
  /** Null while the fleet is not halted. */
  fleetHalt(): FleetHalt | null;
  /** Why the rollout does not go on right now; null when nothing holds it, or when it is over. */
  waitsFor(id: number): string | null;
}

const retryMs = 5000;
/** Found changed by another hub so often in a row. */
const maxConflicts = 5;
/** Each round ends a step or marks devices, so that this is never reached. */
const maxRounds = 100;

export function createRolloutController(options: Options): RolloutController {
  const { store, desired, tracks, bus, clock, coalesceMs = 200 } = options;
  const alone = createQueue();
  const look = createLook(store, options.pins);
  const waits = new Map<AppName, { id: number; why: string | null }>();
  /** Devices whose stored placement their desired state does not follow yet. */
  const owed = new Set<DeviceId>();
  const stopping = new AbortController();
  let last: Followed | undefined;
  /** Accepted while the fleet is halted. */
  let kept: FleetSnapshot | undefined;
  let fleetHalt: FleetHalt | null = null;
  let listening: (() => void)[] = [];

  const publish = (events: readonly HubEvent[]): void => {
    for (const event of events) bus.emit("event", event);
  };
  const load = async (): Promise<void> => {
    fleetHalt = await store.fleetHalt();
    last = await loadTracks(store, tracks);
  };
  const follow = async (fleet: FleetSnapshot): Promise<void> => {
    const id = snapshotId(fleet);
    for (let tries = 0; last?.id !== id; tries += 1) {
      if (tries === maxConflicts) throw contested();
      publish((await takeUp({ store, tracks, clock }, { id, fleet }, last)) ?? []);
      await load();
    }
    last = { id, fleet };
    tracks.snapshots.set(id, fleet);
    await look.renew(fleet, tracks);
    await desired.follow(fleet);
    await settleAll();
  };
  const payOwed = async (): Promise<void> => {
    if (owed.size === 0) return;
    const ids = [...owed];
    await desired.reconcile(ids);
    for (const id of ids) owed.delete(id);
  };
  /** @returns whether it was stored; otherwise the tracks were loaded again */
  const change = async (track: Track, next: RolloutChange): Promise<boolean> => {
    faultPoint("before:rollout");
    const events = await store.changeRollout(next);
    if (events === null) {
      await load();
      if (last !== undefined) await look.renew(last.fleet, tracks);
      return false;
    }
    faultPoint("after:rollout");
    const after = changed(track, next);
    tracks.byDeployment.set(track.row.deployment, after);
    const others = look.view(track.row.deployment)?.differing ?? [];
    for (const id of [...movedBy(track, after, others), ...(next.retried ?? [])]) owed.add(id);
    publish(events);
    await payOwed();
    return true;
  };
  /** @returns whether there may be more to do */
  const step = async (track: Track, absences: readonly Absence[]): Promise<boolean> => {
    // The decision before this one may have given devices something that they have not heard of.
    await look.refresh();
    const view = look.view(track.row.deployment);
    if (view === undefined) {
      waits.delete(track.row.deployment);
      return false;
    }
    const isFrozen = fleetHalt !== null;
    const decided = decideChange({ track, view, now: clock.now(), isFrozen, absences });
    waits.set(track.row.deployment, { id: track.row.id, why: decided.waitsFor });
    if (decided.change === undefined) {
      if (decided.nextAt !== null) waker.at(decided.nextAt);
      return false;
    }
    await change(track, decided.change);
    return true;
  };
  const settleAll = async (): Promise<void> => {
    if (options.isPaused?.() === true) return;
    await payOwed();
    await options.attend?.();
    const absences = await store.absences();
    for (const name of [...tracks.byDeployment.keys()]) {
      for (let round = 0; round < maxRounds && !stopping.signal.aborted; round += 1) {
        const track = tracks.byDeployment.get(name);
        if (track === undefined || !(await step(track, absences))) break;
      }
    }
  };
  /** What was accepted while the fleet was halted is followed once it is not; kept until that has gone well. */
  const catchUp = async (): Promise<void> => {
    if (kept === undefined || fleetHalt !== null || options.isPaused?.() === true) return;
    await follow(kept);
    kept = undefined;
  };
  const settle = (): Promise<void> => {
    waker.clear();
    return alone(async () => {
      await catchUp();
      await settleAll();
    });
  };
  const waker = createWaker({
    clock,
    coalesceMs,
    wake: () => {
      if (stopping.signal.aborted) return;
      settle().catch((error: unknown) => {
        options.onFailed?.(error);
        waker.at(clock.now() + retryMs);
      });
    },
  });
  const touched = (id: DeviceId): void => {
    look.touch(id);
    if (tracks.byDeployment.size > 0) waker.soon();
  };
  const trackWith = (id: number): Track => {
    const track = [...tracks.byDeployment.values()].find(({ row }) => row.id === id);
    if (track === undefined) throw unknownRollout(id);
    return track;
  };
  const give = async (id: number, given: Order): Promise<RolloutRow> => {
    const { operator, reason } = given;
    for (let isDone = false, tries = 0; !isDone; tries += 1) {
      if (tries === maxConflicts) throw contested();
      const track = trackWith(id);
      const { row } = track;
      const isOther = given.step !== undefined && given.step !== row.head.step;
      if (given.name === "approve" && isOther) throw anotherStep(row, given.step);
      const ordered = order(rolloutOf(track), given.name, given.heals);
      if (ordered === undefined) throw meaningless(row, given.name);
      const now = clock.now();
      await look.refresh();
      const { marks } = ordered;
      const view = look.view(row.deployment);
      const head = { ...row.head, ...ordered.head };
      const joined = view === undefined ? [] : joinedTo({ ...track, row: { ...row, head } }, view);
      isDone = await change(track, {
        ...{ id, version: row.version, now, operator, reason, head, marks, joined },
        returned: returning(track, marks),
        retried: refusingOf(marks, view),
        isQuarantined: ordered.isQuarantined ?? row.isQuarantined,
        suspects: row.suspects,
        events: [eventOf(tellOrder(given), now, row)],
      });
    }
    await settleAll();
    return trackWith(id).row;
  };
  /** What was stored before the failure is not ordered twice: the next look gives it to the devices. */
  const tryAgainLater = (error: unknown): never => {
    waker.at(clock.now() + retryMs);
    throw error;
  };
  const haltFleet: RolloutController["haltFleet"] = async ({ isHalted, operator, reason }) => {
    const at = clock.now();
    const next = isHalted ? { operator, reason, at } : null;
    publish(await store.setFleetHalt(next, eventOf(tellHalt(next, operator, reason), at)));
    fleetHalt = next;
    await catchUp();
    return settleAll();
  };

  return {
    start: async () => {
      await load();
      listening = [bus.on("device", touched), bus.on("membership", touched)];
    },
    stop: async () => {
      for (const stop of listening) stop();
      stopping.abort();
      waker.stop();
      await alone(() => Promise.resolve());
    },
    follow: (fleet) =>
      alone(async () => {
        // What was in force when the fleet was halted stays in force.
        if (fleetHalt === null || last === undefined) {
          kept = undefined;
          return follow(fleet);
        }
        kept = fleet;
        return follow(last.fleet);
      }),
    reload: () => alone(load),
    settle,
    order: (id, given) => alone(() => give(id, given).catch(tryAgainLater)),
    haltFleet: (given) => alone(() => haltFleet(given).catch(tryAgainLater)),
    fleetHalt: () => fleetHalt,
    waitsFor: (id) => [...waits.values()].find((one) => one.id === id)?.why ?? null,
  };
}

function contested(): FleetError {
  return new FleetError("store_unavailable", {
    message: "another hub changed the rollouts again and again",
    hint: "Look how the rollout stands, and give the order again.",
  });
}
