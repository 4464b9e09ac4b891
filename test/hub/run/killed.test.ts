// A hub that is killed at any call to its store goes on with the same run: begun once, its steps once each.
import * as assert from "node:assert/strict";
import { type Bus, createBus } from "#hub/bus.ts";
import { createRunBook } from "#hub/run/book.ts";
import { createRunController, type RunController } from "#hub/run/controller.ts";
import { createMemoryProvider, type MemoryProvider } from "#hub/run/memory.ts";
import { isOver, type Run } from "#hub/run/model.ts";
import { plansOf } from "#hub/run/plans.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RequestId } from "#shared/run.ts";
import { createManualClock, type ManualClock } from "#test/hub/ingest/manual.ts";
import { suite } from "#test/suite.ts";

const test = suite("runs of a hub that is killed", { limitMs: 240_000 });
const seeds = 15;
const devices = ["pi-1", "pi-2"] as DeviceId[];

/** Park and Miller's generator: a failure can be played again by its seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

class Killed extends Error {}

interface Life {
  /** The call at which the process ends. */
  calls: number;
  /** That call was still done. */
  isDone: boolean;
}

const immortal: Life = { calls: Number.POSITIVE_INFINITY, isDone: false };

/** A store, and a provider, that a process loses at its n-th call to either. */
function mortal<T extends object>(whole: T, die: () => Life | undefined, isKilling: () => boolean) {
  return new Proxy(whole, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>;
      return async (...given: unknown[]) => {
        if (isKilling()) throw new Killed();
        const end = die();
        if (end === undefined) return method(...given);
        if (end.isDone) await method(...given);
        throw new Killed();
      };
    },
  });
}

interface Machine {
  store: Store;
  provider: MemoryProvider;
  clock: ManualClock;
}

interface Process {
  runs: RunController;
  bus: Bus;
  isKilled(): boolean;
}

async function start({ store, provider, clock }: Machine, life: Life): Promise<Process> {
  const bus = createBus();
  let calls = 0;
  let isDead = false;
  const die = (): Life | undefined => {
    calls += 1;
    isDead = calls >= life.calls;
    return isDead ? life : undefined;
  };
  const runs = createRunController({
    store: mortal(store, die, () => isDead),
    provider: mortal(provider, die, () => isDead),
    ...{ book: createRunBook(), bus, clock, random: Math.random },
    plans: () => plansOf(undefined),
    appsOf: async () => 1,
    disconnect: () => undefined,
    coalesceMs: 3_600_000,
  });
  await runs.start().catch(unlessKilled);
  return { runs, bus, isKilled: () => isDead };
}

function unlessKilled(error: unknown): void {
  if (!(error instanceof Killed)) throw error;
}

interface Outcome {
  kills: number;
  /** What became of each device: its runs, what it did, its phase, and what was told. */
  devices: string[][];
}

/** Someone orders a run of every device, again and again until it is taken, and all come to their end. */
async function play(plan: string, seed: number, life: () => Life): Promise<Outcome> {
  const random = createRandom(seed);
  const store = await openStore({ file: ":memory:" });
  const clock = createManualClock();
  const provider = createMemoryProvider({
    now: clock.now,
    onTold: (device) => hub.bus.emit("run", device),
  });
  const machine: Machine = { store, provider, clock };
  for (const device of devices) await store.enrol(device, "0".repeat(64), {}, clock.now());
  let kills = 0;
  let hub = await start(machine, life());
  const revive = async (): Promise<void> => {
    while (hub.isKilled()) {
      kills += 1;
      await hub.runs.stop();
      hub = await start(machine, kills < 60 ? life() : immortal);
    }
  };
  const alive = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      await revive();
      try {
        const result = await act();
        if (!hub.isKilled()) return result;
      } catch (error) {
        if (!hub.isKilled()) throw error;
      }
    }
  };
  const order = (device: DeviceId, name = plan): Promise<{ run: Run }> =>
    alive(() =>
      hub.runs.order({
        ...{ device, plan: name, request: "weekly" as RequestId, parameters: {} },
        ...{ operator: "ann", reason: "it was time" },
      }),
    );
  const active = async (): Promise<Run[]> =>
    (await store.openRuns()).filter(({ head }) => !isOver(head));
  try {
    const ids = new Map<DeviceId, string>();
    for (const device of devices) ids.set(device, (await order(device)).run.id);
    for (let turn = 0; turn < 200 && (await active()).length > 0; turn += 1) {
      const device = devices[random(devices.length)] as DeviceId;
      provider.tick(device);
      await alive(() => hub.runs.settle());
      const open = (await active()).map((run) => run.device);
      assert.equal(new Set(open).size, open.length, "two active runs of one device");
      if (turn % 7 === 0) {
        // Whoever asked does not know whether it was heard.
        assert.equal((await order(device)).run.id, ids.get(device));
        await assert.rejects(order(device, plan === "reboot" ? "upgrade" : "reboot"), {
          code: "request_reused",
        });
      }
    }
    // The last order is taken back.
    await alive(() => hub.runs.settle());
    return { kills, devices: await Promise.all(devices.map((id) => storyOf(machine, id))) };
  } finally {
    await hub.runs.stop();
    await store.close();
  }
}

async function storyOf({ store, provider }: Machine, device: DeviceId): Promise<string[]> {
  const { rows } = await store.runs({ device, limit: 100 });
  const life = await store.lifecycle(device);
  const events = await store.events({ afterId: 0, limit: 500, device });
  return [
    ...rows.flatMap(({ id, head }) => [
      `${head.state} at step ${head.step?.index}, ${head.isStanding ? "ordered" : "settled"}`,
      ...provider.told(id),
    ]),
    `${life?.phase} ${life?.needsIntervention.status}`,
    ...events.rows.map(({ reason }) => reason),
    `order: ${provider.order(device)?.id}`,
  ];
}

for (const plan of ["repave-join", "reboot"]) {
  test(`${plan}, killed at random calls with ${seeds} seeds: the same as if it never was`, async () => {
    const undisturbed = await play(plan, 1, () => immortal);
    const [story] = undisturbed.devices;
    assert.match(story?.[0] ?? "", /^Succeeded at step \d, settled$/);
    const begun = story?.filter((word) => word.startsWith("run.step.started")) ?? [];
    assert.equal(new Set(begun).size, begun.length, "a step was begun twice");
    let kills = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const random = createRandom(seed);
      const killed = await play(plan, seed, () => ({
        calls: 1 + random(20),
        isDone: random(2) === 0,
      }));
      kills += killed.kills;
      assert.deepEqual(killed.devices, undisturbed.devices, `seed ${seed}`);
    }
    assert.ok(kills >= 3 * seeds, `${kills} kills`);
  });
}
