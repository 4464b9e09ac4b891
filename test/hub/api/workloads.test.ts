import * as assert from "node:assert/strict";
import type { DeviceView } from "#hub/api/device_view.ts";
import type { FleetWorkloads } from "#hub/telemetry/totals.ts";
import { noWorkloads, type WorkloadCounts } from "#shared/telemetry.ts";
import { digestWith, saying } from "#test/contract/telemetry_rows.ts";
import { suite } from "#test/suite.ts";
import { addDevice, reportedState } from "./fixtures.ts";
import { asOperator, createWorld, type World } from "./world.ts";

const test = suite("api: workloads");
let world: World;

const robots = saying("robot", { operational: 9, degraded: 1, low_battery: 2 });
const cams = saying("cam", { down: 1 });

test.before(async () => {
  world = await createWorld();
  for (const [name, site, apps] of [
    ["pi-1", "north", [robots, cams]],
    ["pi-2", "south", [robots]],
    ["pi-3", "south", []],
  ] as const) {
    const id = await addDevice(world, name, { labels: { site } });
    const telemetry = digestWith(...apps);
    await world.store.changeDevices([{ id, reported: reportedState(id, { telemetry }) }]);
  }
  await addDevice(world, "pi-4", { labels: { site: "west" } });
});
test.after(() => world.close());

async function read<T>(path: string): Promise<T> {
  const response = await world.get(path, asOperator);
  assert.equal(response.status, 200, path);
  return (await response.json()) as T;
}

function sumOf(counts: Partial<WorkloadCounts>): WorkloadCounts {
  const { app: _, ...sum } = saying("all", counts);
  return sum;
}

test("the fleet tells how many are operational, and at which site and of which app", async () => {
  const { workloads } = await read<{ workloads: FleetWorkloads }>("/v1/fleet");
  const { sites, apps, ...fleet } = workloads;
  assert.deepEqual(fleet, sumOf({ operational: 18, degraded: 2, down: 1, low_battery: 4 }));
  assert.deepEqual(sites, [
    { site: "north", ...sumOf({ operational: 9, degraded: 1, down: 1, low_battery: 2 }) },
    { site: "south", ...sumOf({ operational: 9, degraded: 1, low_battery: 2 }) },
  ]);
  assert.deepEqual(
    apps.map(({ app, total, low_battery }) => [app, total, low_battery]),
    [
      ["cam", 1, 0],
      ["robot", 20, 4],
    ],
  );
});

test("every site has its own, and a site whose workloads say nothing has zeros", async () => {
  const { items } = await read<{ items: { site: string; workloads: WorkloadCounts }[] }>(
    "/v1/sites",
  );
  const west = items.find(({ site }) => site === "west");
  assert.deepEqual(west?.workloads, noWorkloads());
  assert.equal(items.find(({ site }) => site === "south")?.workloads.low_battery, 2);
});

test("a device tells its own by app, and as unknown while it is not heard", async () => {
  const heard = await read<DeviceView>("/v1/devices/pi-1");
  assert.deepEqual(heard.workloads.apps, [robots, cams]);
  assert.equal(heard.workloads.total, 11);
  await world.store.changeDevices([{ id: heard.id, connection: "Offline" }]);
  const away = await read<DeviceView>("/v1/devices/pi-1");
  assert.deepEqual(away.workloads, {
    ...sumOf({ unknown: 11 }),
    apps: [saying("robot", { unknown: 10 }), saying("cam", { unknown: 1 })],
  });
});
