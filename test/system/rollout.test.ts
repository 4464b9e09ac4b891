// A hundred devices over five sites: canary, 10 %, 50 %, all; a release that one model cannot run; a hub that is
// killed again and again on the way.
import assert from "node:assert/strict";
import type { BisectView } from "#hub/api/bisect.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { createRolloutWorld, type RolloutWorld, type SimDevice } from "./rollout_world.ts";

const test = suite("rollout of a fleet", { limitMs: 420_000 });
const policy = {
  steps: [{ select: "ring=canary", bakeMinutes: 0.01 }, { percent: 10 }, { percent: 50 }],
  deadlineMinutes: 10,
  maxParallel: 20,
  budget: { groupBy: "site", minAvailable: "60%" },
};
/** Beyond these it may end in peace. */
const maxKills = 25;
let world: RolloutWorld;

test.before(async () => {
  world = await createRolloutWorld(policy);
  await world.startHub();
  await world.startDevices(100);
});
test.after(() => world.stop());

const inState = (state: string) => async () => {
  const rollout = await world.newest();
  return rollout.state === state && rollout;
};

function having(devices: readonly SimDevice[], digest: string): SimDevice[] {
  return devices.filter(({ apps }) => apps[0]?.current?.digest === digest);
}

/** How many devices each step released. */
async function batches(id: number): Promise<number[]> {
  const sizes = [0, 0, 0, 0];
  for (const { step } of await world.members(id)) {
    if (step !== null) sizes[step - 1] = (sizes[step - 1] ?? 0) + 1;
  }
  return sizes;
}

/** Update attempts of one app that a device has journalled since. */
async function updatesOf(device: string): Promise<{ commit: string }[]> {
  const list = await world.get<{ items: { commit: string }[] }>(`/v1/devices/${device}/updates`);
  return list.items;
}

async function hasTried(device: string, commit: string): Promise<boolean> {
  return (await updatesOf(device)).some((one) => one.commit === commit);
}

test("goes from the canary to 10 %, to 50 %, to all, by its gates", async () => {
  await world.release(2);
  const rollout = await world.until("promoted", inState("Promoted"));
  assert.deepEqual(await batches(rollout.id), [1, 9, 40, 50]);
  assert.equal(having(await world.devices(), rollout.digest).length, 100);
});

test("a release that fails on one model halts within one batch, names it, and reaches nobody else", async () => {
  const before = await world.newest();
  await world.release(3, "Raspberry Pi 3");
  const rollout = await world.until("halted", inState("Halted"));
  const [first] = rollout.suspects;
  assert.deepEqual([first?.key, first?.value], ["model", "Raspberry Pi 3"]);
  const released = (await world.members(rollout.id)).filter(({ step }) => step !== null);
  // The canary is another model, so that the second batch meets it first.
  assert.ok(released.length <= 10, `${released.length}`);
  const healed = async (): Promise<SimDevice[] | false> => {
    const devices = await world.devices();
    return having(devices, before.digest).length === 100 && devices;
  };
  await world.until("healed", healed);
  // One of the batch that had not begun yet has stayed as it was.
  await world.until("the updates of those that failed", async () => {
    const got = await Promise.all(released.map(({ device }) => hasTried(device, rollout.commit)));
    return got.filter(Boolean).length >= (first?.failed ?? 1);
  });
  for (const { device, step } of await world.members(rollout.id)) {
    assert.ok(step !== null || !(await hasTried(device, rollout.commit)), device);
  }
  const events = await world.get<{ items: { message: string }[] }>(
    "/v1/events?reason=RolloutHalted",
  );
  assert.match(events.items[0]?.message ?? "", /model=Raspberry Pi 3/);
  await world.post(`/v1/rollouts/${rollout.id}/undo`, { reason: "it fails on one model" });
  assert.equal((await world.newest()).state, "Undone");
});

test("a hub killed again and again on the way: the same batches, and each device moved once", async () => {
  const undone = await world.newest();
  await world.release(4);
  const begun = async () => {
    const rollout = await world.newest();
    return rollout.id > undone.id && rollout;
  };
  const { id } = await world.until("begun", begun);
  let kills = 0;
  for (; kills < maxKills && (await world.newest()).state !== "Promoted"; kills += 1) {
    await clock.sleep(100 + ((kills * 379) % 900));
    await world.killHub();
    await world.startHub();
  }
  assert.ok(kills >= 5, String(kills));
  const rollout = await world.until("promoted", inState("Promoted"));
  assert.equal(rollout.id, id);
  assert.deepEqual(await batches(id), [1, 9, 40, 50]);
  const done = async (): Promise<true | false> =>
    having(await world.devices(), rollout.digest).length === 100;
  await world.until("all have it", done);
  for (const { device } of await world.members(id)) {
    const updates = async (): Promise<number | false> => {
      const all = await updatesOf(device);
      const count = all.filter(({ commit }) => commit === rollout.commit).length;
      return count > 0 && count;
    };
    assert.equal(await world.until(`the update of ${device}`, updates), 1, device);
  }
});

test("over eight commits the first bad one is found on canaries, though the hub is killed, and they return", async () => {
  const good = await world.newest();
  const model = "Raspberry Pi 3";
  const commits = [5, 6, 7, 8, 9, 10, 11].map((version) =>
    world.commit(version, version >= 9 ? model : undefined),
  );
  commits.push(await world.release(12, model));
  const halted = async () => {
    const rollout = await world.newest();
    return rollout.commit === commits.at(-1) && rollout.state === "Halted" && rollout;
  };
  const { id } = await world.until("halted", halted);
  const path = `/v1/rollouts/${id}/bisect`;
  await world.post(path, { reason: "which commit?" });
  await world.killHub();
  await world.startHub();
  const ended = async () => {
    const bisect = await world.get<BisectView>(path);
    return bisect.state !== "Testing" && bisect;
  };
  const { culprit, outcome, canaries } = await world.until("found", ended);
  const { commit, author, subject } = culprit ?? {};
  assert.deepEqual([commit, author, subject], [commits[4], "Ada", "version 9"], outcome ?? "");
  const returned = async (): Promise<true | false> =>
    having(await world.devices(), good.digest).length === 100;
  await world.until("the canaries have returned", returned);
  const tried = new Set(canaries.map(({ device }) => device as string));
  // What the hub fetched between two commits rolled out by itself.
  const all = await world.get<{ items: { commit: string }[] }>("/v1/rollouts?limit=50");
  const own = new Set(all.items.map((one) => one.commit));
  const inBetween = commits.filter((one) => !own.has(one));
  for (const { id: device } of await world.devices()) {
    const updates = await updatesOf(device);
    const between = updates.filter((one) => inBetween.includes(one.commit));
    assert.ok(between.length === 0 || tried.has(device), device);
  }
});
