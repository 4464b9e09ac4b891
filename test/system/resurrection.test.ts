// The hub's data is deleted; from its keys, the repository and what fifty devices give back it answers as before.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { RolloutDevice, RolloutView } from "#hub/api/rollout_view.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { createRolloutWorld, type RolloutWorld } from "./rollout_world.ts";

const test = suite("resurrection of a hub", { limitMs: 420_000 });
const fleetSize = 50;
const rebuiltWithinMs = 60_000;
/** Keys, as far as the store goes: whoever holds them is this hub and its operator. */
const keys = ["signing-key.pem", "operator.token"];
const policy = {
  steps: [
    { select: "ring=canary", bakeMinutes: 0.01 },
    { count: 20 },
    { percent: 100, approval: true },
  ],
  deadlineMinutes: 10,
  maxParallel: 50,
};
let world: RolloutWorld;

test.before(async () => {
  world = await createRolloutWorld(policy);
  await world.startHub();
  await world.startDevices(fleetSize);
});
test.after(() => world.stop());

type Item = Record<string, unknown>;

/** Without what lies in the nature of the moment: when the hub heard of it, and the banner that it was lost. */
function timeless({ lastSeenAt: _, ...device }: Item): Item {
  return { ...device, notices: noticesOf(device).filter(({ kind }) => kind !== "pause") };
}

function noticesOf(device: Item): Item[] {
  return device["notices"] as Item[];
}

/** How many devices carry the banner. */
async function pausedDevices(): Promise<number> {
  const devices = await everyPage("/v1/devices?limit=500");
  return devices.filter((one) => noticesOf(one).some(({ kind }) => kind === "pause")).length;
}

async function everyPage(path: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let cursor = ""; ; ) {
    const page = await world.get<{ items: Item[]; next: string | null }>(`${path}${cursor}`);
    items.push(...page.items);
    if (page.next === null) return items;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

interface Answers {
  devices: Item[];
  updates: Record<string, Item[]>;
  journals: Record<string, Item[]>;
  events: Record<string, Item[]>;
  overrides: Record<string, unknown>;
  pins: Item[];
  rollouts: Item[];
  rolloutDevices: Record<string, RolloutDevice[]>;
}

/** Device by device, field by field, as the API tells it. */
async function askAll(): Promise<Answers> {
  const list = await everyPage("/v1/devices?limit=500");
  const answers: Answers = {
    ...{ devices: [], updates: {}, journals: {}, events: {}, overrides: {}, rolloutDevices: {} },
    pins: await everyPage("/v1/pins?limit=100"),
    rollouts: [],
  };
  for (const { id } of list as { id: string }[]) {
    answers.devices.push(timeless(await world.get<Item>(`/v1/devices/${id}`)));
    answers.updates[id] = await everyPage(`/v1/devices/${id}/updates?limit=100`);
    answers.journals[id] = (await everyPage(`/v1/devices/${id}/journal?limit=200`)).toReversed();
    answers.overrides[id] = await world.get(`/v1/devices/${id}/overrides`);
    const told = await everyPage(`/v1/events?device=${id}&limit=200`);
    answers.events[id] = told
      .filter(({ source }) => source === "device")
      .map(({ id: _, ...event }) => event)
      .toReversed();
  }
  for (const { id } of (await everyPage("/v1/rollouts?limit=100")) as { id: number }[]) {
    const { waitsFor: _, ...rollout } = await world.get<RolloutView>(`/v1/rollouts/${id}`);
    answers.rollouts.push(rollout);
    answers.rolloutDevices[id] = await world.members(id);
  }
  return answers;
}

/** Devices go on living: what they say later comes after all that they said before. */
function assertContinued(now: Answers, before: Answers): void {
  for (const history of ["journals", "events"] as const) {
    for (const [id, entries] of Object.entries(before[history])) {
      assert.deepEqual(
        (now[history][id] ?? []).slice(0, entries.length),
        entries,
        `${history} ${id}`,
      );
    }
  }
  const { journals: _, events: __, ...rest } = now;
  const { journals: ___, events: ____, ...expected } = before;
  assert.deepEqual(rest, expected);
}

async function giveHistory(): Promise<void> {
  const to = await world.release(2);
  await world.until("waits for approval", inState("AwaitingApproval"));
  await world.post(`/v1/rollouts/${(await world.newest()).id}/approve`, { reason: "looks good" });
  await world.until("promoted", inState("Promoted"));
  await world.release(3, "Raspberry Pi 3");
  await world.until("stopped", inState("Halted"));
  await world.post("/v1/devices/sim-00007/mode", { mode: "hold", reason: "being moved" }, "PUT");
  await world.post("/v1/devices/sim-00008/retry", { reason: "once more" });
  await world.post("/v1/pins", { deployment: "load", device: "sim-00009", to, reason: "a demo" });
  await world.post(
    "/v1/devices/sim-00010/overrides",
    { labels: { shelf: "b" }, values: { SPEED: "2" }, reason: "a slow one" },
    "PATCH",
  );
  await world.release(4);
  await world.until("waits for approval", inState("AwaitingApproval"));
}

const inState = (state: string) => async () => {
  const rollout = await world.newest();
  return rollout.state === state && rollout;
};

/** Until the devices have said all, and carry what the hub would have them know: it gathers changes for two
 *  seconds, and the first for fifteen. */
async function settled(): Promise<Answers> {
  let before = { answers: await askAll(), memos: memoVersions() };
  return world.until("settled", async () => {
    await clock.sleep(5000);
    const now = { answers: await askAll(), memos: memoVersions() };
    const isSame =
      JSON.stringify([now.answers.devices, now.memos]) ===
      JSON.stringify([before.answers.devices, before.memos]);
    before = now;
    return isSame && now.memos.length === fleetSize && now.answers;
  });
}

/** What is not so yet is what the failure says in the end. */
async function untilContinued(
  before: Awaited<ReturnType<typeof askAll>>,
  options: { mayLook?: () => Promise<boolean>; limitMs?: number } = {},
): Promise<void> {
  const { mayLook = async () => true, limitMs } = options;
  let last: unknown;
  const isContinued = async (): Promise<boolean> => {
    if (!(await mayLook())) return false;
    try {
      assertContinued(await askAll(), before);
      return true;
    } catch (error) {
      last = error;
      return false;
    }
  };
  await world.until("all as before", isContinued, limitMs).catch((error: unknown) => {
    throw last ?? error;
  });
}

/** Of what devices were given, device by device. */
function memoVersions(): unknown[] {
  const store = new Database(join(world.data, "hub.db"), { readonly: true });
  try {
    return store.prepare("select device, version from memos order by device").all();
  } finally {
    store.close();
  }
}

/** As after the loss of the disk, with the keys from a safe. */
function loseData(): void {
  const safe = `${world.data}-safe`;
  mkdirSync(safe);
  for (const key of keys) renameSync(join(world.data, key), join(safe, key));
  rmSync(world.data, { recursive: true });
  mkdirSync(world.data);
  for (const key of keys) renameSync(join(safe, key), join(world.data, key));
  assert.deepEqual(readdirSync(world.data).toSorted(), keys.toSorted());
}

test("a blank hub answers as before within a minute of the devices' return", async () => {
  await giveHistory();
  const before = await settled();
  assert.equal(before.devices.length, fleetSize);
  await world.killHub();
  loseData();
  await world.startHub();
  // One request, so that looking does not keep the hub from what it looks for.
  const areBack = async (): Promise<boolean> =>
    (await everyPage("/v1/devices?limit=500&connection=Online")).length >= fleetSize;
  await untilContinued(before, { mayLook: areBack, limitMs: rebuiltWithinMs });
  const pause = await world.get<{ paused: boolean; cause: string }>("/v1/fleet/pause");
  assert.deepEqual([pause.paused, pause.cause], [true, "blank"]);
  assert.equal(await pausedDevices(), fleetSize);
});

test("resumed by a word it asks nothing of devices that have what they should have", async () => {
  const before = await askAll();
  await world.post("/v1/fleet/pause/end", { reason: "all are back" });
  await clock.sleep(2000);
  // What it asked would stay; who is not heard for a moment on a busy machine is heard again.
  await untilContinued(before);
  assert.equal(await pausedDevices(), 0);
  assert.equal((await world.newest()).waitsFor?.includes("approv"), true);
});

test("the rollout goes on from where it stood", async () => {
  const { id } = await world.newest();
  await world.post(`/v1/rollouts/${id}/approve`, { reason: "goes on" });
  await world.until("promoted", inState("Promoted"));
  assert.equal((await world.newest()).id, id);
});
