import * as assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import { AppName } from "#shared/ids.ts";
import { digestWith, saying } from "#test/contract/telemetry_rows.ts";
import { addDevice, reportedState } from "#test/hub/api/fixtures.ts";
import { createWorld, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("pages: workloads");
let world: World;
test.before(async () => {
  world = await createWorld({ pages: createPages });
});
test.after(() => world.close());

async function text(path: string): Promise<string> {
  const cookie = `fleet_session=${world.sessions.open("admin")}`;
  return (await world.get(path, { Cookie: cookie })).text();
}

test("a fleet whose workloads say nothing has no such total", async () => {
  const id = await addDevice(world, "quiet");
  assert.ok(!(await text("/")).includes("Workloads"));
  assert.ok(!(await text(`/devices/${id}`)).includes("says of itself"));
});

test("the fleet's page has totals, and the device's page each copy, the unlisted counted", async () => {
  const id = await addDevice(world, "talker");
  const { apps } = reportedState(id, {});
  const app = AppName.parse("web");
  const copy = { app, service: "arm", at: world.clock.now() - 7000 };
  const telemetry = {
    ...digestWith(saying("web", { operational: 2, down: 1, low_battery: 1 })),
    workloads: [
      { ...copy, instance: 3, state: "down" as const, message: "wheel <b>stuck</b>" },
      { ...copy, instance: 1, state: "operational" as const, battery: { charge: 0.1 } },
    ],
    omitted: 1,
  };
  const reported = reportedState(id, { apps, telemetry });
  await world.store.changeDevices([{ id, reported }]);
  assert.match(await text("/"), /<h2>Workloads<\/h2>.*<b>2<\/b> operational.*<b>1<\/b> down/s);
  assert.match(await text("/"), /<b>1<\/b> low battery/);
  const page = await text(`/devices/${id}`);
  assert.match(
    page,
    /arm<\/span> <span class="muted">#3<\/span>.*down.*wheel &lt;b&gt;stuck.*7 s ago/s,
  );
  assert.match(page, /low battery 10 %/);
  assert.match(page, /2 of 3 are listed/);
  await world.store.changeDevices([{ id, connection: "Offline" }]);
  const away = await text(`/devices/${id}`);
  assert.match(away, /unknown<\/span><\/td>\s*<td[^>]*>last down wheel/);
});
