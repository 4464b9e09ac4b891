// Moves runs on: looks at what is known of them, stores what follows, and only then orders.
import type { Bus } from "#hub/bus.ts";
import { createWaker } from "#hub/rollout/waker.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RunId } from "#shared/run.ts";
import { createQueue } from "#shared/serial.ts";
import type { Absence } from "./absence.ts";
import { advanceRun, cancelledHead } from "./advance.ts";
import { idTime, newRun, type RunRequest, runIdOf, sameRun } from "./begin.ts";
import type { RunBook } from "./book.ts";
import { begunLife, endedLife, type Lived } from "./life.ts";
import { createLives, type Lives, tellLife, type Word } from "./lives.ts";
import { isOver, type Run, type RunHead } from "./model.ts";
import type { Lifecycle } from "./phase.ts";
import type { Plan } from "./plan.ts";
import type { Provider } from "./provider.ts";
import * as words from "./words.ts";

// INVARIANTS
// 1. A run, its device's phase and the events that tell of both are one transaction. Killed after it, the hub finds
//    the order in its store and gives it again; killed before it, it looks at the same facts and decides the same.
// 2. What a device said is never kept here: it is read from its journal and its report at each look.
// 3. A device whose identity ends is let go before anything else is wanted of it.

interface Options {
  store: Store;
  book: RunBook;
  provider: Provider;
  /** By name: built-in ones, and those of the repository. */
  plans(): ReadonlyMap<string, Plan>;
  /** Apps that are wanted on the device. */
  appsOf(device: DeviceId): Promise<number>;
  /** Ends what a device without an identity still has open. */
  disconnect(device: DeviceId): void;
  /** Notes a time in which nobody could be heard, before a deadline is looked at. */
  readonly attend?: () => Promise<void>;
  bus: Bus;
  clock: Clock;
  random(): number;
  /** After it was stored; once more when a device that was given up had ended its run otherwise. */
  readonly onEnded?: (run: Run) => void;
  /** What the next look will try again. */
  readonly onFailed?: (error: unknown) => void;
  /** Ms in which what devices tell gathers before it is looked at. */
  coalesceMs?: number;
}

export interface RunController {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads from the store again what others have changed in it. */
  reload(): Promise<void>;
  /** Looks at everything that was told until now, and at every deadline that is over. */
  settle(): Promise<void>;
  /** The same request of the same device gives the same run.
   *  @throws FleetError not_found, state_conflict, request_invalid, request_reused */
  order(given: RunRequest): Promise<{ run: Run; isNew: boolean }>;
  /** At once and as often as one likes.
   *  @throws FleetError not_found; state_conflict for a run that ended otherwise */
  cancel(id: RunId, given: Word): Promise<Run>;
  /** All of them, or none. */
  importDevices: Lives["import"];
  /** By hand: out of service, or into it again when whatever needed intervention is mended. */
  place: Lives["place"];
}

const retryMs = 5000;
/** Found changed by another hub so often in a row. */
const maxConflicts = 5;

export function createRunController(options: Options): RunController {
  const { store, book, provider, bus, clock } = options;
  const alone = createQueue();
  const lives = createLives(options);
  /** Devices of which something was told since the last look. */
  let touched = new Set<DeviceId>();
  const dueAt = new Map<RunId, number>();
  /** Devices whose order the provider has not been given yet. */
  const owed = new Set<DeviceId>();
  const stopping = new AbortController();
  let lastIdAt = 0;
  let listening: (() => void)[] = [];

  const publish = (events: readonly HubEvent[]): void => {
    for (const event of events) bus.emit("event", event);
  };
  const load = async (): Promise<void> => {
    const open = await store.openRuns();
    book.load(open, await store.lifecycles());
    lastIdAt = Math.max(lastIdAt, ...open.map(({ id }) => idTime(id)));
  };
  const payOwed = async (): Promise<void> => {
    if (owed.size === 0) return;
    const ids = [...owed];
    await provider.deliver(ids.map((device) => ({ device, order: book.orderOf(device) })));
    for (const id of ids) owed.delete(id);
  };
  /** What a head means for the device's phase, down to where that comes to rest. */
  const lifeWith = async (before: Lifecycle, run: Run, head: RunHead): Promise<Lived> => {
    const told = words.tellEnd(run, head);
    if (told === undefined) return { life: before, why: undefined };
    const after = endedLife(before, run, head, told, clock.now());
    // An identity that is about to end is no other hardware.
    if (after === before || after.phase === "RMA") return { life: after, why: told };
    const { life } = await lives.look(after);
    return { life, why: told };
  };
  const tellsOf = (run: Run, head: RunHead, { life, why }: Lived) => {
    const isNews = !isOver(run.head) || head.message !== run.head.message;
    const ended = isNews ? words.tellEnd(run, head) : undefined;
    const isMoved = life !== book.life(run.device) && why !== undefined;
    return [ended, isMoved ? words.tellPhase(life, why) : undefined].filter(
      (tell) => tell !== undefined,
    );
  };
  /** @returns whether it was stored; otherwise everything was loaded again */
  const change = async (run: Run, head: RunHead): Promise<boolean> => {
    const before = await lives.of(run.device);
    const lived = await lifeWith(before, run, head);
    const revokes = lived.life.phase === "RMA" && before.phase !== "RMA";
    faultPoint("before:run");
    const events = await store.changeRun({
      run: { id: run.id, version: run.version, head },
      ...(lived.life === before ? {} : { life: lived.life }),
      revokes,
      events: tellsOf(run, head, lived).map((tell) => words.eventOf(run.device, tell, clock.now())),
    });
    if (events === null) {
      await load();
      return false;
    }
    faultPoint("after:run");
    book.putRun({ ...run, head, version: run.version + 1 });
    book.putLife(lived.life);
    publish(events);
    if (revokes) letGo(run.device);
    if (isOver(head)) owed.add(run.device);
    if (isOver(head) && head.state !== run.head.state) options.onEnded?.({ ...run, head });
    if (lived.life === before) bus.emit("run", run.device);
    else tellLife(bus, run.device);
    return true;
  };
  const letGo = (device: DeviceId): void => {
    // Whoever remembers its secret forgets it.
    bus.emit("membership", device);
    options.disconnect(device);
  };
  const step = async (run: Run, absences: readonly Absence[]): Promise<void> => {
    const { head, nextAt } = advanceRun(run, await provider.facts(run), clock.now(), absences);
    if (nextAt === null) dueAt.set(run.id, Number.POSITIVE_INFINITY);
    else dueAt.set(run.id, nextAt);
    if (head !== run.head) await change(run, head);
  };
  const settleRuns = async (ids: ReadonlySet<DeviceId>): Promise<void> => {
    const now = clock.now();
    const looked = book
      .open()
      .filter(({ id, device }) => ids.has(device) || (dueAt.get(id) ?? 0) <= now);
    if (looked.length > 0) await options.attend?.();
    const absences = looked.length === 0 ? [] : await store.absences();
    for (const run of looked) await step(run, absences);
    const open = new Set(book.open().map(({ id }) => id));
    for (const id of dueAt.keys()) if (!open.has(id)) dueAt.delete(id);
  };
  const settleAll = async (): Promise<void> => {
    const ids = touched;
    touched = new Set();
    try {
      await settleRuns(ids);
      await lives.settle(ids);
      await payOwed();
    } catch (error) {
      for (const id of ids) touched.add(id);
      throw error;
    }
    const next = Math.min(...dueAt.values());
    if (Number.isFinite(next)) waker.at(next);
  };
  const settle = (): Promise<void> => {
    waker.clear();
    return alone(settleAll);
  };
  const waker = createWaker({
    clock,
    coalesceMs: options.coalesceMs ?? 200,
    wake: () => {
      if (stopping.signal.aborted) return;
      settle().catch((error: unknown) => {
        options.onFailed?.(error);
        waker.at(clock.now() + retryMs);
      });
    },
  });
  const touch = (id: DeviceId): void => {
    touched.add(id);
    waker.soon();
  };
  /** Each greater than the one before, also within one ms, and when the clock was put back. */
  const nextId = (): RunId => {
    lastIdAt = Math.max(clock.now(), lastIdAt + 1);
    return runIdOf(lastIdAt, options.random);
  };
  const begin = async (given: RunRequest): Promise<{ run: Run; isNew: boolean }> => {
    const before = await store.runOfRequest(given.device, given.request);
    if (before !== null) return { run: sameRun(before, given), isNew: false };
    const life = await lives.of(given.device);
    const plans = options.plans();
    const plan = plans.get(given.plan);
    if (plan === undefined) throw words.unknownPlan(given.plan, [...plans.keys()].toSorted());
    const open = book.openOf(given.device);
    if (open !== undefined && !isOver(open.head)) throw words.activeRun(open);
    const now = clock.now();
    const pollMs = (await store.device(given.device))?.heartbeatMs ?? 0;
    const run = newRun(given, { plan, life, id: nextId(), now, pollMs });
    const why = words.tellOrdered(run);
    const after = begunLife(life, run, why, now);
    const tells = [{ type: "Normal" as const, ...why }, words.tellPhase(after, why)];
    const events = tells.map((tell) => words.eventOf(run.device, tell, now));
    const stored = await store.beginRun(run, after, events);
    if (stored === null) throw words.contested(run);
    book.putRun(run);
    book.putLife(after);
    publish(stored);
    owed.add(run.device);
    tellLife(bus, run.device);
    return { run, isNew: true };
  };
  const cancel = async (id: RunId, { operator, reason }: Word): Promise<Run> => {
    for (let tries = 0; tries < maxConflicts; tries += 1) {
      const run = await store.run(id);
      if (run === null) throw words.unknownRun(id);
      if (run.head.state === "Cancelled") return run;
      if (isOver(run.head)) throw words.alreadyOver(run);
      const head = cancelledHead(run.head, `${operator} cancelled it: ${reason}`, clock.now());
      if (await change(run, head)) return { ...run, head, version: run.version + 1 };
    }
    throw new FleetError("store_unavailable", {
      message: `run ${id} is changed by someone else all the time`,
    });
  };
  /** What was stored is what was ordered; an order that could not be given is given later. */
  const giving = <T>(task: () => Promise<T>): Promise<T> =>
    alone(async () => {
      const result = await task();
      await payOwed().catch((error: unknown) => {
        options.onFailed?.(error);
        waker.at(clock.now() + retryMs);
      });
      waker.soon();
      return result;
    });

  return {
    start: async () => {
      await load();
      listening = (["run", "device", "membership"] as const).map((kind) => bus.on(kind, touch));
      for (const { device } of book.open()) owed.add(device);
      // Killed before it gave its last word, the hub has told nobody that nothing is ordered any more.
      for (const { id } of await store.deviceStatuses()) {
        touched.add(id);
        owed.add(id);
      }
      waker.soon();
    },
    stop: async () => {
      for (const end of listening) end();
      stopping.abort();
      waker.stop();
      await alone(() => Promise.resolve());
    },
    settle,
    order: (given) => giving(() => begin(given)),
    cancel: (id, given) => giving(() => cancel(id, given)),
    reload: async () => {
      await alone(load);
      // Pauses may have begun or ended as well.
      dueAt.clear();
      waker.soon();
    },
    importDevices: (...given) => giving(() => lives.import(...given)),
    place: (device, phase, given) => giving(() => lives.place(device, phase, given)),
  };
}
