// A hub that is killed at any call to its store goes on with the same batches, none skipped and none repeated.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBus } from "#hub/bus.ts";
import { createDesiredController } from "#hub/desired/controller.ts";
import { loadSigningKey, type SigningKey } from "#hub/desired/keys.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import { createRolloutController } from "#hub/rollout/controller.ts";
import { createTracks } from "#hub/rollout/track.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { sha256 } from "#shared/canonical.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { AppName, Digest } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { suite } from "#test/suite.ts";
import { createRecordingBroker, type RecordingBroker } from "#test/support/hub.ts";
import { obey, robots } from "./bench.ts";

const test = suite("hub/rollout killed", { limitMs: 240_000 });
const all = robots(40);
const killsWanted = 100;

/** Park and Miller's generator: a failure can be played again by its seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

function fleetAt(version: number): FleetSnapshot {
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const rules = { maxHoldMs: 0 };
  const digest = Digest.parse(sha256(`version ${version}`));
  const steps = [{ select: "ring=canary" }, { percent: 10 }, { percent: 50 }];
  const main = {
    branch: "main",
    commit: sha256(`commit ${version}`).slice(0, 40),
    values: {},
    deployments: [
      {
        name: AppName.parse("robots"),
        selector: parseSelector("role=robot"),
        role: "robot",
        branch: "main",
        values: {},
        rollout: RolloutPolicy.parse({ steps, maxParallel: 7 }),
      },
    ],
    sites: {},
    devices: {},
    roles: { robot: { role: "robot", digest, size: 1, values: {}, policy, rules } },
  };
  return { defaultBranch: "main", branches: { main } };
}

class Killed extends Error {}

/** A store that its process loses at the n-th call that matters: before the call, or after it was done. */
function mortalStore(store: Store, life: { calls: number; after: boolean }): Store {
  let left = life.calls;
  let isDead = false;
  const mortal = new Set<keyof Store>([
    "followFleet",
    "changeRollout",
    "saveManyDesired",
    "allDevices",
    "latestRollouts",
    "snapshot",
  ]);
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      const method = target[name] as (...given: unknown[]) => Promise<unknown>;
      if (!mortal.has(name)) return method;
      return async (...given: unknown[]) => {
        if (isDead) throw new Killed();
        left -= 1;
        if (left > 0) return method(...given);
        isDead = true;
        if (life.after) await method(...given);
        throw new Killed();
      };
    },
  });
}

interface Process {
  store: Store;
  desired: ReturnType<typeof createDesiredController>;
  rollouts: ReturnType<typeof createRolloutController>;
  bus: ReturnType<typeof createBus>;
  stop(): Promise<void>;
}

interface Machine {
  store: Store;
  broker: RecordingBroker;
  key: SigningKey;
}

async function start(
  { store: whole, broker, key }: Machine,
  fleet: FleetSnapshot,
  life: { calls: number; after: boolean },
): Promise<Process> {
  const store = mortalStore(whole, life);
  const bus = createBus();
  const tracks = createTracks();
  const desired = createDesiredController({ store, broker, bus, clock, key, placements: tracks });
  const parts = { store, desired, tracks, bus, clock, coalesceMs: 3_600_000 };
  const rollouts = createRolloutController(parts);
  const stop = async (): Promise<void> => {
    await rollouts.stop();
    await desired.stop();
  };
  try {
    await desired.start();
    await rollouts.start();
    await rollouts.follow(fleet);
  } catch (error) {
    await stop();
    throw error;
  }
  // What devices say reaches the store by another way than the process that dies.
  return { store: whole, desired, rollouts, bus, stop };
}

/** Rolls one version out, whatever kills the hub on the way.
 *  @returns how often it was killed, and each device's step */
async function rollOut(
  machine: Machine,
  version: number,
  life: () => { calls: number; after: boolean },
): Promise<{ kills: number; steps: string[] }> {
  let kills = 0;
  let hub: Process | undefined;
  for (let isOver = false; !isOver; ) {
    try {
      hub ??= await start(machine, fleetAt(version), life());
      await obey(hub as never, all);
      await hub.rollouts.settle();
      const { rows } = await machine.store.rollouts({ limit: 1 });
      const [row] = rows;
      const moved = await obey(hub as never, all);
      await hub.rollouts.settle();
      isOver = version === 1 || (row?.head.state === "Promoted" && moved.length === 0);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      kills += 1;
      await hub?.stop();
      hub = undefined;
    }
  }
  await hub?.stop();
  const { rows } = await machine.store.rollouts({ limit: 1 });
  const members = await machine.store.rolloutMembers(rows[0]?.id ?? 0);
  return { kills, steps: members.map(({ member }) => `${member.device} ${member.step}`) };
}

async function onMachine(body: (machine: Machine) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-killed-"));
  const store = await openStore({ file: join(directory, "hub.db") });
  const key = await loadSigningKey(directory);
  try {
    for (const { id, site, ring } of all) {
      const labels = { site, role: "robot", ...(ring === undefined ? {} : { ring }) };
      await store.enrol(id, "0".repeat(64), labels, 0);
    }
    await body({ store, key, broker: createRecordingBroker(key) });
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const immortal = () => ({ calls: Number.POSITIVE_INFINITY, after: false });

test(`killed ${killsWanted} times at random calls, every rollout has the batches of one that was not`, async () => {
  const random = createRandom(20_261_121);
  let kills = 0;
  await onMachine(async (machine) => {
    await rollOut(machine, 1, immortal);
    for (let version = 2; kills < killsWanted; version += 1) {
      const published = machine.broker.published.length;
      const killed = await rollOut(machine, version, () => ({
        calls: 1 + random(20),
        after: random(2) === 0,
      }));
      kills += killed.kills;
      const undisturbed: string[] = [];
      await onMachine(async (other) => {
        await rollOut(other, 1, immortal);
        if (version > 2) await rollOut(other, version - 1, immortal);
        undisturbed.push(...(await rollOut(other, version, immortal)).steps);
      });
      assert.deepEqual(killed.steps, undisturbed, `version ${version}`);
      // Each device was told of the release under one number only, and of nothing else after it.
      const digest = fleetAt(version).branches["main"]?.roles["robot"]?.digest;
      for (const { id } of all) {
        const told = machine.broker.published
          .slice(published)
          .filter((state) => state.device === id && state.apps[0]?.release.digest === digest);
        assert.equal(new Set(told.map(({ generation }) => generation)).size, 1, id);
      }
    }
  });
  assert.ok(kills >= killsWanted);
});
