import * as assert from "node:assert/strict";
import type { DeviceView } from "#hub/api/device_view.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { addDevice, reportedState } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, type World } from "./world.ts";

const test = suite("orders to one device");
let world: World;
let device: DeviceId;

test.before(async () => {
  world = await createWorld();
  device = await addDevice(world, "pi-1");
});
test.after(() => world.close());

const put = (body: unknown, headers: Record<string, string> = asOperator): Promise<Response> =>
  Promise.resolve(
    world.app.request(`/v1/devices/${device}/mode`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    }),
  );

async function view(): Promise<DeviceView> {
  return (await world.get(`/v1/devices/${device}`, asOperator)).json() as Promise<DeviceView>;
}

async function reasons(): Promise<string[]> {
  const { rows } = await world.store.events({ device, limit: 10 });
  return rows.map(({ reason, message }) => `${reason} ${message}`);
}

test("safe mode is kept with its reason, told once, and makes the device be looked at", async () => {
  const looked: DeviceId[] = [];
  const stop = world.bus.on("membership", (id) => void looked.push(id));
  const answer = await put({ mode: "safe", reason: "smells of smoke" });
  assert.equal(answer.status, 202);
  assert.deepEqual(await answer.json(), { mode: "safe", modeReason: "smells of smoke", retry: 0 });
  await put({ mode: "safe", reason: "smells of smoke" });
  stop();
  const { mode, modeReason } = await view();
  assert.deepEqual([mode, modeReason], ["safe", "smells of smoke"]);
  assert.deepEqual(await reasons(), ["ModeOrdered admin set the mode to safe: smells of smoke"]);
  assert.deepEqual(looked, [device]);
});

test("back to run forgets the reason", async () => {
  await put({ mode: "run", reason: "it was toast" });
  const { mode, modeReason } = await view();
  assert.deepEqual([mode, modeReason], ["run", null]);
});

test("each wish to try again is another number", async () => {
  const path = `/v1/devices/${device}/retry`;
  const ask = (): Promise<Response> => world.post(path, { reason: "new cable" }, asOperator);
  assert.equal(((await (await ask()).json()) as { retry: number }).retry, 1);
  assert.equal(((await (await ask()).json()) as { retry: number }).retry, 2);
  assert.equal((await world.store.device(device))?.retry, 2);
});

test("an order without a reason, of a device, or to an unknown device is refused", async () => {
  assert.equal((await put({ mode: "hold" })).status, 400);
  assert.equal((await put({ mode: "sleep", reason: "x" })).status, 400);
  assert.equal((await put({ mode: "hold", reason: "x" }, asDevice(device))).status, 401);
  const unknown = await world.post("/v1/devices/pi-9/retry", { reason: "x" }, asOperator);
  assert.equal(unknown.status, 404);
});

test("what a device says of its safe mode and of its causes is shown", async () => {
  const why = [{ reason: "SafeMode", message: "three updates failed in a row" }];
  const safeMode = {
    cause: "failedUpdates",
    message: "three updates failed in a row",
    since: 5,
    serves: "lastGood",
  } as const;
  const [app] = reportedState(device).apps;
  assert.ok(app !== undefined);
  const reported = reportedState(device, { safeMode, apps: [{ ...app, why }] });
  await world.store.changeDevices([{ id: device, reported }]);
  const shown = await view();
  assert.deepEqual(shown.safeMode, safeMode);
  assert.deepEqual(shown.apps[0]?.why, why);
});
