import * as assert from "node:assert/strict";
import type { ListOf } from "#hub/api/schema.ts";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { addDevice, addJournal, updateEntries } from "./fixtures.ts";
import { asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("a device's history");
let world: World;
let device: DeviceId;

test.before(async () => {
  world = await createWorld();
  device = await addDevice(world, "pi-1");
  const minute = 60_000;
  const web = updateEntries({
    attempt: "a1",
    fromSeq: 1,
    steps: ["fetch", "verify", "swap", "start", "probe", "commit"],
    outcome: "succeeded",
    at: startMs - 30 * minute,
  });
  const bad = updateEntries({
    attempt: "a2",
    fromSeq: 9,
    release: "second",
    steps: ["fetch", "swap", "probe", "rollBack"],
    outcome: "rolledBack",
    at: startMs - 20 * minute,
  });
  const running = updateEntries({
    attempt: "a3",
    fromSeq: 15,
    app: "robot",
    steps: ["fetch"],
    at: startMs - minute,
  });
  await addJournal(world, device, [...web, ...bad, ...running]);
  const event = (reason: string, type: NewEvent["type"]): NewEvent => {
    return { at: startMs, device, app: "web", source: "device", type, reason, message: reason };
  };
  await world.store.addEvents([
    event("AgentStarted", "Normal"),
    { ...event("BranchRefused", "Warning"), device: null, app: null, source: "hub" },
    event("ReleaseQuarantined", "Warning"),
  ]);
});
test.after(() => world.close());

async function read<T>(path: string): Promise<ListOf<T>> {
  const response = await world.get(path, asOperator);
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return (await response.json()) as ListOf<T>;
}

test("updates come newest first with their steps, the one under way on top", async () => {
  const { items, next } = await read<UpdateView>("/v1/devices/pi-1/updates");
  const told = items.map(
    ({ attempt, outcome, steps }) => `${attempt} ${outcome}: ${steps.map(stepText).join(" ")}`,
  );
  assert.deepEqual(told, [
    "a3 running: fetch",
    "a2 rolledBack: fetch swap probe! rollBack",
    "a1 succeeded: fetch verify swap start probe commit",
  ]);
  assert.equal(next, null);
});

function stepText({ step, ok }: UpdateView["steps"][number]): string {
  return ok || step === "rollBack" ? step : `${step}!`;
}

test("an update tells when it began and ended, what it was and why it failed", async () => {
  const { items } = await read<UpdateView>("/v1/devices/pi-1/updates?app=web");
  const [failed, good] = items;
  assert.equal(failed?.message, "server did not become healthy");
  assert.equal(failed?.code, "unhealthy");
  assert.equal(good?.startedAt, startMs - 30 * 60_000);
  assert.equal(good?.finishedAt, startMs - 30 * 60_000 + 7000);
  assert.equal(good?.message, undefined);
});

test("pages of updates hold each finished update once and whole", async () => {
  const first = await read<UpdateView>("/v1/devices/pi-1/updates?limit=1");
  assert.deepEqual(
    first.items.map(({ attempt }) => attempt),
    ["a3", "a2"],
  );
  const second = await read<UpdateView>(`/v1/devices/pi-1/updates?limit=1&cursor=${first.next}`);
  assert.deepEqual(
    second.items.map(({ attempt }) => attempt),
    ["a1"],
  );
  assert.equal(second.items[0]?.steps.length, 6);
});

test("an attempt of a journal that is gone is not shown as running", async () => {
  const other = await addDevice(world, "pi-2");
  const lost = updateEntries({ attempt: "lost", fromSeq: 1, steps: ["fetch"] });
  const batch = (epoch: string, entries: typeof lost) => {
    return { device: other, batch: { epoch, from: 1, to: entries.length, entries } };
  };
  await world.store.appendJournal([batch("before", lost)], startMs);
  const good = updateEntries({ attempt: "now", fromSeq: 1, steps: ["fetch"] });
  await world.store.appendJournal([batch("after", good)], startMs + 1);
  const { items } = await read<UpdateView>("/v1/devices/pi-2/updates");
  assert.deepEqual(
    items.map(({ attempt }) => attempt),
    ["now"],
  );
});

test("the journal is paged newest first and filtered by kind", async () => {
  const first = await read<{ seq: number; epoch: string }>("/v1/devices/pi-1/journal?limit=2");
  assert.deepEqual(
    first.items.map(({ seq }) => seq),
    [16, 15],
  );
  assert.equal(first.items[0]?.epoch, "epoch-1");
  const ends = await read<{ seq: number }>("/v1/devices/pi-1/journal?kind=update.finished");
  assert.deepEqual(
    ends.items.map(({ seq }) => seq),
    [14, 8],
  );
});

test("events are filtered by device, type and reason", async () => {
  const reasons = async (path: string): Promise<string[]> =>
    (await read<{ reason: string }>(path)).items.map(({ reason }) => reason);
  assert.deepEqual(await reasons("/v1/events"), [
    "ReleaseQuarantined",
    "BranchRefused",
    "AgentStarted",
  ]);
  assert.deepEqual(await reasons("/v1/devices/pi-1/events?type=Warning"), ["ReleaseQuarantined"]);
  assert.deepEqual(await reasons("/v1/events?device=pi-1&reason=AgentStarted"), ["AgentStarted"]);
});
