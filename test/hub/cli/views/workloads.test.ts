import * as assert from "node:assert/strict";
import { AppName, type DeviceId } from "#shared/ids.ts";
import { digestWith, saying } from "#test/contract/telemetry_rows.ts";
import { addDevice, reportedState } from "#test/hub/api/fixtures.ts";
import { type CommandWorld, createCommandWorld } from "#test/hub/cli/command.ts";
import { suite } from "#test/suite.ts";

const test = suite("fleet: workloads", { limitMs: 240_000 });
let world: CommandWorld;

test.before(async () => {
  world = await createCommandWorld();
  const id = await addDevice(world, "pi-1", { labels: { site: "north" } });
  const { apps } = reportedState(id, {});
  const copy = {
    app: AppName.parse("web"),
    service: "arm",
    at: Date.now() - 2 * 3_600_000 - 60_000,
  };
  const telemetry = {
    ...digestWith(saying("web", { operational: 1, down: 1, low_battery: 1 })),
    workloads: [
      { ...copy, instance: 2, state: "down" as const, message: "wheel stuck" },
      { ...copy, instance: 1, state: "operational" as const, battery: { charge: 0.1 } },
    ],
  };
  await world.store.changeDevices([{ id, reported: reportedState(id, { apps, telemetry }) }]);
});
test.after(() => world.close());

test("get sites shows how many are operational, and wide those that run low", async () => {
  const { stdout } = await world.fleet(["get", "sites", "-o", "wide"]);
  const [head = "", row = ""] = stdout.split("\n");
  assert.match(head, /WORKLOADS +LOW BATTERY/);
  assert.match(row, /^north .* 1\/2 +1$/);
});

test("describe shows what each copy says of itself", async () => {
  const { stdout } = await world.fleet(["describe", "device", "pi-1"]);
  assert.match(stdout, /COPY +STATE +SAID +SAYS\n +arm\.2 +down +\S+ +wheel stuck\n/);
  await world.store.changeDevices([{ id: "pi-1" as DeviceId, connection: "Offline" }]);
  const away = await world.fleet(["describe", "device", "pi-1"]);
  assert.match(away.stdout, /arm\.1 +unknown, last operational/);
  assert.match(stdout, /arm\.1 +operational +\S+ +low battery 10 %/);
});
