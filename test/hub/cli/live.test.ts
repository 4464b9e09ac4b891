import * as assert from "node:assert/strict";
import { createHttpServer } from "#hub/server.ts";
import { systemClock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import { addDevice } from "#test/hub/api/fixtures.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: watching and waiting", { limitMs: 180_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
});
test.after(() => world.close());

async function change(id: string, fields: { health?: "Healthy" | "Degraded"; sync?: "Synced" }) {
  await world.store.changeDevices([{ id: id as DeviceId, ...fields }]);
  world.bus.emit("device", id as DeviceId);
}

async function addEvent(message: string): Promise<void> {
  const event = { at: Date.now(), device: "pi-1" as DeviceId, app: null } as const;
  const what = { source: "hub", type: "Normal", reason: "Tested", message } as const;
  for (const stored of await world.store.addEvents([{ ...event, ...what }])) {
    world.bus.emit("event", stored);
  }
}

test("watch tells of devices and events, and ends quietly on SIGINT", async () => {
  const command = world.start(["watch"]);
  await command.shows(/Watching/);
  await change("pi-1", { health: "Degraded" });
  await command.shows(/device {2}pi-1 {2}Online {2}Synced {2}Degraded/);
  await addEvent("something happened");
  await command.shows(/event {3}pi-1 {2}Tested: something happened/);
  command.child.kill("SIGINT");
  const { stderr } = await command.ended;
  assert.equal(command.child.signalCode, "SIGINT");
  assert.equal(stderr, "Watching. End with Ctrl-C.\n");
  await change("pi-1", { health: "Healthy" });
});

test("get -w prints the list and then each change once", async () => {
  const command = world.start([
    "get",
    "devices",
    "-w",
    "-l",
    "site=south",
    "-o",
    "jsonpath={.id} {.health}",
  ]);
  await command.shows(/pi-2 Degraded\npi-3 Healthy\n/);
  await change("pi-1", { health: "Degraded" });
  await change("pi-3", { health: "Degraded" });
  await command.shows(/pi-3 Degraded\n/);
  command.child.kill("SIGINT");
  const { stdout } = await command.ended;
  assert.equal(stdout, "pi-2 Degraded\npi-3 Healthy\npi-3 Degraded\n");
  await change("pi-1", { health: "Healthy" });
  await change("pi-3", { health: "Healthy" });
});

/** A hub at a port that stays its own while it is away. */
function serverAt(port: number) {
  const address = { host: "127.0.0.1", port, fetch: world.app.fetch };
  return createHttpServer({ ...address, onFault: () => undefined });
}

test("events -w goes on from the last one, and over a hub that was away, without loss", async () => {
  const [port] = await takePorts(1);
  const first = serverAt(port);
  const { url } = await first.start();
  await addEvent("before");
  const words = ["events", "-w", "--limit", "1", "-o", "jsonpath={.message}"];
  const command = world.start(words, { env: { FLEET_HUB: url } });
  await command.shows(/before/);
  await addEvent("live");
  await command.shows(/live/);
  await first.stop();
  await command.shows(/Lost the hub/);
  await addEvent("while away");
  const second = serverAt(port);
  await second.start();
  await command.shows(/while away/);
  await addEvent("after");
  await command.shows(/after/);
  command.child.kill("SIGINT");
  const { stdout, stderr } = await command.ended;
  assert.equal(stdout, "before\nlive\nwhile away\nafter\n");
  assert.match(stderr, /^Lost the hub; trying to come back …\nThe hub is back\.\n$/);
  await second.stop();
});

test("events -w that finds none yet begins behind the newest of all, so that none falls between", async () => {
  await addEvent("not asked for");
  const [newest] = (await world.store.events({ limit: 1 })).rows;
  const asked: string[] = [];
  const server = createHttpServer({
    ...{ host: "127.0.0.1", port: 0, onFault: () => undefined },
    fetch: (request, ...rest) => {
      const id = request.headers.get("last-event-id");
      if (new URL(request.url).pathname === "/v1/watch") asked.push(id ?? "none");
      return world.app.fetch(request, ...rest);
    },
  });
  const { url } = await server.start();
  const words = ["events", "-w", "--reason", "NeverYet"];
  const command = world.start(words, { env: { FLEET_HUB: url } });
  while (asked.length === 0) await systemClock.sleep(20);
  command.child.kill("SIGINT");
  await command.ended;
  await server.stop();
  assert.deepEqual(asked, [String(newest?.id)]);
});

test("wait ends at once where the goal holds, and as soon as it does elsewhere", async () => {
  const now = await world.fleet(["wait", "pi-1", "pi-3", "--for=health=Healthy"]);
  assert.equal(now.code, 0);
  assert.equal(now.stdout, "device/pi-1 is as waited for\ndevice/pi-3 is as waited for\n");
  await world.untilWatchedBy(0);
  const command = world.start(["wait", "-l", "site=south", "--for=health=Healthy"]);
  await command.shows(/pi-3 is as waited for/);
  await world.untilWatchedBy(1);
  await change("pi-2", { health: "Healthy" });
  const { code, stdout } = await command.ended;
  assert.equal(code, 0);
  assert.match(stdout, /pi-2 is as waited for/);
});

test("wait says what is left and why when the time is over", async () => {
  const { code, stderr } = await world.fleet([
    "wait",
    "pi-2",
    "--for=sync=Synced",
    "--timeout",
    "500ms",
  ]);
  assert.equal(code, 6);
  assert.match(
    stderr,
    /^pi-2: Online, OutOfSync, .*closed until 22:00\nNot reached in time: 1 of 1\.\n$/,
  );
  const once = await world.fleet(["wait", "pi-2", "--for=sync=Synced", "--timeout", "0"]);
  assert.equal(once.code, 6);
});

test("wait for create waits for a device that is not there yet; other goals refuse it", async () => {
  assert.equal((await world.fleet(["wait", "pi-new", "--for=sync=Synced"])).code, 5);
  await world.untilWatchedBy(0);
  const command = world.start(["wait", "pi-new", "--for=create"]);
  await world.untilWatchedBy(1);
  const id = await addDevice(world, "pi-new");
  world.bus.emit("membership", id);
  const { code, stdout } = await command.ended;
  assert.deepEqual([code, stdout], [0, "device/pi-new is as waited for\n"]);
});

test("wait outlives a hub that starts again, and sees what changed meanwhile", async () => {
  await change("pi-1", { health: "Degraded" });
  const [port] = await takePorts(1);
  const first = serverAt(port);
  const { url } = await first.start();
  const words = ["wait", "pi-1", "--for=health=Healthy", "--timeout", "100s"];
  await world.untilWatchedBy(0);
  const command = world.start(words, { env: { FLEET_HUB: url } });
  await world.untilWatchedBy(1);
  await first.stop();
  // Its stream, or the look that the stream had asked for: whichever was under way.
  await command.shows(/Lost the hub|trying again/);
  await change("pi-1", { health: "Healthy" });
  const second = serverAt(port);
  await second.start();
  const { code, stdout } = await command.ended;
  await second.stop();
  assert.deepEqual([code, stdout], [0, "device/pi-1 is as waited for\n"]);
});
