// Moves bisects on: reads the commits that are to be tried, stores each decision, and only then lets the canaries follow.
import type { Bus } from "#hub/bus.ts";
import type { Pins } from "#hub/control/pins.ts";
import type { DesiredController } from "#hub/desired/controller.ts";
import type { Mirror } from "#hub/git/mirror.ts";
import type { ReleaseController } from "#hub/release/controller.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Tracks } from "#hub/rollout/track.ts";
import { createWaker } from "#hub/rollout/waker.ts";
import { eventOf } from "#hub/rollout/words.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import { createQueue } from "#shared/serial.ts";
import { advanceBisect, cancelled, withoutTest } from "./advance.ts";
import { canaryFacts } from "./look.ts";
import type { BisectDecision } from "./model.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { createCommitReader, type Next } from "./read.ts";
import type { Trials } from "./trials.ts";

// INVARIANTS
// 1. What the canaries are to have follows from the store alone, the commit under test included: killed at any
//    line, the hub goes on with the same test at its next start.
// 2. Every change names the version that it was decided on; another one is refused whole, and looked at anew.

export interface BisectOptions {
  store: Store;
  desired: Pick<DesiredController, "current" | "reconcile">;
  tracks: Pick<Tracks, "byDeployment" | "snapshots">;
  trials: Trials;
  /** Devices that a person keeps out of it. */
  pins?: Pick<Pins, "on">;
  releases: Pick<ReleaseController, "checked" | "snapshot">;
  history: Pick<Mirror, "commitInfo" | "commitsBetween">;
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

export interface Given {
  operator: string;
  reason: string;
  /** Which devices try the commits; absent: the hub chooses. */
  devices?: readonly DeviceId[];
}

export interface BisectController {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads from the store again what others have changed in it. */
  reload(): Promise<void>;
  /** Looks at every bisect until nothing is left to do now. */
  settle(): Promise<void>;
  /** @throws FleetError not_found, state_conflict, request_invalid */
  begin(rollout: number, given: Given): Promise<BisectRow>;
  /** @throws FleetError not_found, state_conflict */
  cancel(rollout: number, given: Given): Promise<BisectRow>;
  /** Why the rollout's bisect does not go on right now; null when nothing holds it, or when it is over. */
  waitsFor(rollout: number): string | null;
}

const retryMs = 5000;
/** Each round stores something new of a search that is bounded, so that this is never reached. */
const maxRounds = 5000;

export function createBisectController(options: BisectOptions): BisectController {
  const { store, desired, tracks, trials, releases, bus, clock, coalesceMs = 200 } = options;
  const alone = createQueue();
  const reader = createCommitReader(options);
  const stopping = new AbortController();
  const open = new Map<AppName, BisectRow>();
  const waits = new Map<number, string | null>();
  /** Devices whose desired state does not follow the stored bisect yet. */
  const owed = new Set<DeviceId>();
  let listening: (() => void)[] = [];

  const publish = (events: readonly HubEvent[]): void => {
    for (const event of events) bus.emit("event", event);
  };
  const keep = (row: BisectRow): void => {
    if (row.bisect.state === "Testing") open.set(row.deployment, row);
    else open.delete(row.deployment);
    trials.take(row);
  };
  const load = async (): Promise<void> => {
    const rows = await store.openBisects();
    open.clear();
    // One that was ended by others must not keep its canaries.
    trials.clear();
    for (const row of rows) keep(row);
  };
  const payOwed = async (): Promise<void> => {
    if (owed.size === 0) return;
    const ids = [...owed];
    await desired.reconcile(ids);
    for (const id of ids) owed.delete(id);
  };
  /** @returns whether it was stored; otherwise the rows were loaded again */
  const change = async (row: BisectRow, next: Next): Promise<boolean> => {
    const { bisect, fleet, tells } = next;
    const now = clock.now();
    const ids = bisect.canaries.map(({ device }) => device);
    const begins = bisect.testing !== null && bisect.testing !== row.bisect.testing;
    faultPoint("before:bisect");
    const events = await store.changeBisect({
      ...{ id: row.id, version: row.version, bisect, fleet, now, retried: begins ? ids : [] },
      events: tells.map((tell) => eventOf(tell, now, { ...row, id: row.rollout })),
    });
    if (events === null) {
      await load();
      return false;
    }
    faultPoint("after:bisect");
    keep({ ...row, bisect, fleet, changedAt: now, version: row.version + 1 });
    if (bisect.testing !== row.bisect.testing || bisect.state !== "Testing") {
      for (const id of ids) owed.add(id);
    }
    publish(events);
    await payOwed();
    return true;
  };
  const decide = async (row: BisectRow, newest: FleetSnapshot): Promise<BisectDecision> => {
    const ids = row.bisect.canaries.map(({ device }) => device);
    const wanted = await Promise.all(ids.map((id) => desired.current(id)));
    const known = new Map(wanted.flatMap((one) => (one === null ? [] : [[one.device, one]])));
    const rows = await store.allDevices(ids);
    const facts = canaryFacts({ row, newest, rows, desired: known });
    const track = tracks.byDeployment.get(row.deployment);
    const rollout = track?.row.id === row.rollout ? track.row.head.state : undefined;
    const isFrozen = (await store.fleetHalt()) !== null;
    await options.attend?.();
    const absences = await store.absences();
    return advanceBisect(row.bisect, { facts, rollout, isFrozen, absences }, clock.now());
  };
  /** @returns whether there may be more to do */
  const step = async (row: BisectRow): Promise<boolean> => {
    const newest = releases.snapshot();
    // Before the first commit was read nothing is known of the devices.
    if (newest === undefined) return false;
    if (row.bisect.testing !== null && row.fleet === null) {
      // It came back from a device, which keeps no such thing.
      await change(row, { bisect: withoutTest(row.bisect), fleet: null, tells: [] });
      return true;
    }
    const { bisect, tells, waitsFor, nextAt, toRead } = await decide(row, newest);
    if (toRead !== null) {
      return change(row, { bisect: await reader.read(row, toRead), fleet: row.fleet, tells });
    }
    waits.set(row.rollout, waitsFor);
    if (nextAt !== null) waker.at(nextAt);
    if (bisect === row.bisect) return false;
    await change(row, await reader.withFleet(row, { bisect, tells }));
    return true;
  };
  const settleOne = async (name: AppName): Promise<void> => {
    for (let round = 0; round < maxRounds && !stopping.signal.aborted; round += 1) {
      const row = open.get(name);
      if (row === undefined || !(await step(row))) return;
    }
  };
  const failed = (error: unknown): void => {
    options.onFailed?.(error);
    waker.at(clock.now() + retryMs);
  };
  const settleAll = async (): Promise<void> => {
    if (options.isPaused?.() === true) return;
    await payOwed();
    // What holds one up is no matter for the others.
    for (const name of [...open.keys()]) await settleOne(name).catch(failed);
  };
  const settle = (): Promise<void> => {
    waker.clear();
    return alone(settleAll);
  };
  const waker = createWaker({
    clock,
    coalesceMs,
    wake: () => {
      if (stopping.signal.aborted) return;
      settle().catch(failed);
    },
  });
  const hurry = (): void => {
    if (open.size > 0) waker.soon();
  };
  const begin = async (rollout: number, given: Given): Promise<BisectRow> => {
    const prepared: Prepared = await prepare(options, rollout, given);
    const { row, tell } = prepared;
    const now = clock.now();
    const event = eventOf(tell, now, { ...row, id: rollout });
    const events = await store.addBisect({ ...row, beganAt: now }, [event]);
    if (events === null) throw alreadyOpen(row.deployment);
    await load();
    publish(events);
    // It has begun, whatever keeps its first test from beginning now.
    await settleAll().catch(failed);
    return stored(rollout);
  };
  const stored = async (rollout: number): Promise<BisectRow> => {
    const row = await store.bisectOf(rollout);
    if (row === null) throw noBisect(rollout);
    return row;
  };
  const cancel = async (rollout: number, { operator, reason }: Given): Promise<BisectRow> => {
    for (;;) {
      const row = await stored(rollout);
      if (row.bisect.state !== "Testing") throw isOver(row);
      const { bisect, tells } = cancelled(row.bisect, `${operator} cancelled it: ${reason}`);
      if (await change(row, { bisect, fleet: null, tells })) return stored(rollout);
    }
  };
  return {
    start: async () => {
      await load();
      const canaries = (id: DeviceId): boolean =>
        [...open.values()].some(({ bisect }) =>
          bisect.canaries.some(({ device }) => device === id),
        );
      const touched = (id: DeviceId): void => {
        if (canaries(id)) hurry();
      };
      listening = [
        bus.on("device", touched),
        bus.on("membership", touched),
        bus.on("event", ({ source, device }) => {
          if (source === "hub" && device === null) hurry();
        }),
      ];
      hurry();
    },
    stop: async () => {
      for (const stop of listening) stop();
      stopping.abort();
      waker.stop();
      await alone(() => Promise.resolve());
    },
    reload: () => alone(load).then(hurry),
    settle,
    begin: (rollout, given) => alone(() => begin(rollout, given)),
    cancel: (rollout, given) => alone(() => cancel(rollout, given)),
    waitsFor: (rollout) => waits.get(rollout) ?? null,
  };
}

function alreadyOpen(deployment: AppName): FleetError {
  return new FleetError("state_conflict", {
    message: `a bisect of ${deployment} goes on already`,
    hint: "Wait for its end, or cancel it.",
    subject: deployment,
  });
}

export function noBisect(rollout: number): FleetError {
  return new FleetError("not_found", {
    message: `rollout ${rollout} has no bisect`,
    hint: "Begin one with: fleet rollout bisect NAME",
    subject: String(rollout),
  });
}

function isOver({ rollout, bisect }: BisectRow): FleetError {
  return new FleetError("state_conflict", {
    message: `the bisect of rollout ${rollout} is over: ${bisect.outcome}`,
    hint: "Nothing is left to cancel; another one may be begun.",
    subject: String(rollout),
  });
}
