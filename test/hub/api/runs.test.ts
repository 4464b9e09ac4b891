import * as assert from "node:assert/strict";
import type { DeviceView } from "#hub/api/device_view.ts";
import type { PhaseView, PlanView, RunSummary, RunView } from "#hub/api/run_view.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { addDevice } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, type World } from "./world.ts";

const test = suite("runs over the API");
let world: World;

test.before(async () => {
  world = await createWorld();
  for (const id of ["pi-1", "pi-2", "pi-3"]) {
    world.bus.emit("membership", await addDevice(world, id));
  }
  await world.runs.settle();
});
test.after(() => world.close());

const ask = (body: object, headers: Record<string, string> = asOperator): Promise<Response> =>
  world.post(
    "/v1/runs",
    { plan: "reboot", request: "r-1", reason: "slow today", ...body },
    headers,
  );

async function read<T>(path: string): Promise<T> {
  const answer = await world.get(path, asOperator);
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as T;
}

async function finish(device: string): Promise<void> {
  while (world.runProvider.tick(device as DeviceId)) await world.runs.settle();
}

test("plans are listed with their parameters and steps", async () => {
  const { items } = await read<{ items: PlanView[] }>("/v1/plans");
  assert.deepEqual(
    items.map(({ name }) => name),
    ["net-reconfig", "reboot", "repave-join", "rma", "upgrade"],
  );
  const plan = await read<PlanView>("/v1/plans/net-reconfig");
  assert.deepEqual(plan.parameters[0], {
    name: "INTERFACE",
    description: "as the kernel names it, e.g. eth0",
    default: null,
  });
  assert.equal((await world.get("/v1/plans/none", asOperator)).status, 404);
});

test("a run is ordered once, shown with its steps, and kept with who, when and outcome", async () => {
  const first = await ask({ device: "pi-1" });
  assert.equal(first.status, 201);
  const run = (await first.json()) as RunView;
  assert.deepEqual([run.state, run.operator, run.reason], ["Pending", "admin", "slow today"]);
  const again = await ask({ device: "pi-1" });
  assert.equal(again.status, 200);
  assert.equal(((await again.json()) as RunView).id, run.id);
  const other = await ask({ device: "pi-1", plan: "upgrade" });
  assert.equal(other.status, 422);
  const second = await ask({ device: "pi-1", request: "r-2" });
  assert.equal(second.status, 409);
  assert.match(((await second.json()) as { detail: string }).detail, new RegExp(run.id));
  assert.equal((await read<PhaseView>("/v1/devices/pi-1/phase")).run, run.id);
  await finish("pi-1");
  const { items } = await read<{ items: RunSummary[] }>("/v1/runs?device=pi-1&state=Succeeded");
  assert.deepEqual(
    items.map(({ id, steps, step }) => [id, steps, step?.kind]),
    [[run.id, 4, "verify"]],
  );
  const phase = await read<PhaseView>("/v1/devices/pi-1/phase");
  assert.deepEqual([phase.phase, phase.run], ["IN_SERVICE", null]);
});

test("cancel answers the same as often as it is asked", async () => {
  const run = (await (await ask({ device: "pi-2" })).json()) as RunView;
  const path = `/v1/runs/${run.id}/cancel`;
  const cancel = () => world.post(path, { reason: "wrong one" }, asOperator);
  const first = (await (await cancel()).json()) as RunView;
  assert.deepEqual([first.state, first.code], ["Cancelled", "interrupted"]);
  assert.equal(first.message, "admin cancelled it: wrong one");
  assert.deepEqual(await (await cancel()).json(), first);
  const { phase, conditions } = await read<PhaseView>("/v1/devices/pi-2/phase");
  assert.equal(phase, "MAINTENANCE");
  assert.deepEqual(
    conditions.map(({ type, status }) => `${type}=${status}`),
    ["Provisioned=True", "NeedsIntervention=True"],
  );
  assert.deepEqual((await read<DeviceView>("/v1/devices/pi-2")).conditions.slice(-2), conditions);
  const mended = { phase: "READY", reason: "it was nothing" };
  const answer = await world.app.request("/v1/devices/pi-2/phase", {
    method: "PUT",
    headers: { "Content-Type": "application/json", ...asOperator },
    body: JSON.stringify(mended),
  });
  assert.equal(((await answer.json()) as PhaseView).phase, "IN_SERVICE");
});

test("a device in full has the conditions of its life after those that it reports", async () => {
  const { conditions } = await read<DeviceView>("/v1/devices/pi-3");
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
    [
      "Synced=True AllAppsSynced",
      "Provisioned=True Enrolled",
      "NeedsIntervention=False AsExpected",
    ],
  );
});

test("what cannot be run is refused with its reason", async () => {
  const statuses = [
    [{ device: "pi-9" }, 404],
    [{ device: "pi-3", plan: "none" }, 404],
    [{ device: "pi-3", plan: "net-reconfig" }, 400],
    [{ device: "pi-3", parameters: { APP: "x" } }, 400],
    [{ device: "pi-3", request: "" }, 400],
  ] as const;
  for (const [body, status] of statuses) assert.equal((await ask(body)).status, status);
  assert.equal((await ask({ device: "pi-3" }, asDevice("pi-3"))).status, 401);
  assert.equal((await world.get("/v1/runs/doesnotexist", asOperator)).status, 404);
});

const entry = (seq: number, body: object) => ({
  ...{ seq, bootId: "b", at: 1000 + seq, monotonicMs: seq, kind: "run.log" as const },
  body: { index: 1, stream: "stdout", ...body },
});

test("the log of a run comes as pages, and as a stream that ends with the run", async () => {
  const run = (await (await ask({ device: "pi-3" })).json()) as RunView;
  const device = "pi-3" as DeviceId;
  const append = async (seq: number, text: string): Promise<void> => {
    const entries = [entry(seq, { run: run.id, text }), entry(seq + 1, { run: "otherrun1", text })];
    const batch = { epoch: "e", from: seq, to: seq + 1, entries };
    await world.store.appendJournal([{ device, batch }], world.clock.now());
    world.bus.emit("run", device);
  };
  await append(1, "one\ntwo\n");
  const page = await read<{ items: { text: string }[]; cursor: string; hasMore: boolean }>(
    `/v1/runs/${run.id}/log`,
  );
  assert.deepEqual([page.items.map(({ text }) => text), page.hasMore], [["one\ntwo\n"], false]);
  const next = await read<{ items: unknown[] }>(`/v1/runs/${run.id}/log?cursor=${page.cursor}`);
  assert.deepEqual(next.items, []);
  const stream = await world.get(`/v1/runs/${run.id}/log?follow=true&tail=1`, {
    ...asOperator,
    Accept: "text/event-stream",
  });
  const text = stream.text();
  await append(3, "three");
  await finish("pi-3");
  const lines = [...(await text).matchAll(/"text":"([^"]*)"/g)].map(([, line]) => line);
  assert.deepEqual(lines, ["two", "three"]);
  assert.match(await text, /event: end\ndata: \{"reason":"complete"/);
});

const upload = (text: string, type: string, query = ""): Promise<Response> =>
  Promise.resolve(
    world.app.request(`/v1/devices/import?file=shelf.csv${query}`, {
      method: "POST",
      headers: { "Content-Type": type, ...asOperator },
      body: text,
    }),
  );

test("devices are imported from CSV and YAML as a whole, and a fault names line and field", async () => {
  const csv = 'id,serial,labels.site,note\nbox-1,00A1,north,"top, left"\nbox-2,,south,\n';
  const trial = await upload(csv, "text/csv", "&dryRun=true");
  assert.equal(((await trial.json()) as { items: unknown[] }).items.length, 2);
  assert.equal((await world.get("/v1/devices/box-1/phase", asOperator)).status, 404);
  assert.equal((await upload(csv, "text/csv")).status, 200);
  const { phase, labels, inventory } = await read<PhaseView>("/v1/devices/box-1/phase");
  assert.deepEqual([phase, labels], ["FACTORY_READY", { site: "north" }]);
  assert.deepEqual(inventory, { serial: "00A1", note: "top, left" });
  const bad = await upload("id,mac\nbox-3,00:11\n", "text/csv");
  assert.equal(bad.status, 400);
  const { detail } = (await bad.json()) as { detail: string };
  assert.equal(detail, "shelf.csv:2: mac: must be a MAC address such as b8:27:eb:00:11:22");
  const yaml = "apiVersion: metrica.fleet/v1\nkind: Inventory\ndevices:\n  - id: box-3\n";
  assert.equal((await upload(yaml, "application/yaml")).status, 200);
  const { items } = await read<{ items: PhaseView[] }>("/v1/phases?phase=FACTORY_READY");
  assert.deepEqual(
    items.map(({ device }) => device),
    ["box-1", "box-2", "box-3"],
  );
});

test("HEAD on a run's log opens no stream, which nobody would end", async () => {
  const { items } = await read<{ items: RunSummary[] }>("/v1/runs?device=pi-1");
  const listening = world.bus.on;
  let opened = 0;
  world.bus.on = (...args) => {
    opened += 1;
    return listening(...args);
  };
  const headers = { ...asOperator, Accept: "text/event-stream" };
  const path = `/v1/runs/${items[0]?.id}/log?follow=true`;
  const answer = await world.app.request(path, { method: "HEAD", headers });
  world.bus.on = listening;
  assert.deepEqual([answer.status, opened], [200, 0]);
});
