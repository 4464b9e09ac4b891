import * as assert from "node:assert/strict";
import { createHttpServer } from "#hub/server.ts";
import type { DeviceId } from "#shared/ids.ts";
import { commitOf, digestOf, reportedState } from "#test/hub/api/fixtures.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: pins, labels, values, forced looks", { limitMs: 240_000 });
const old = commitOf("old");
let world: CommandWorld;

test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
  const main = { ...world.branches["main"], commit: old } as object;
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const web = { role: "web", digest: digestOf("old"), size: 1, values: {}, policy, rules: {} };
  const before = { ...main, values: {}, sites: {}, devices: {}, roles: { web } };
  world.fleets.set(old, { defaultBranch: "main", branches: { main: before } } as never);
  Object.assign(world.branches["main"] ?? {}, { values: {}, sites: {}, devices: {} });
});
test.after(() => world.close());

const editsOf = async (id: string) => (await world.store.device(id as DeviceId))?.edits;

test("a deployment is pinned after a count and a yes, is listed, and shown on its devices", async () => {
  const order = [
    "pin",
    "web",
    "--to",
    old,
    "-l",
    "site=south",
    "--reason",
    "fair",
    "--until",
    "2d",
  ];
  const unasked = await world.fleet(order);
  assert.deepEqual([unasked.code, unasked.stdout], [7, ""]);
  assert.match(unasked.stderr, /^2 devices to pin to [0-9a-f]{12}:\n {2}pi-2\n {2}pi-3\n/);
  const done = await world.fleet([...order, "--yes"]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^pin\/1 web at [0-9a-f]{7} until 20\d\d-/);
  const { stdout } = await world.fleet(["pins"]);
  assert.match(
    stdout,
    /^1 +web +site=south +2 +[0-9a-f]{7} +admin +\d+s +in (47h|2d|1d\d+h) +fair$/m,
  );
  const page = await world.fleet(["describe", "device", "pi-3"]);
  assert.match(
    page.stdout,
    /^Notice: +web on devices with site=south is pinned .*: fair \(by admin/,
  );
  assert.match((await world.fleet(["get", "devices", "pi-3"])).stdout, /is pinned to .*: fair$/m);
});

test("unpin removes what is there, and refuses what is not before anything is done", async () => {
  const both = await world.fleet(["unpin", "1", "9", "--reason", "over"]);
  assert.equal(both.code, 5);
  assert.match(both.stderr, /no pin is named "9"/);
  const done = await world.fleet(["unpin", "pin/1", "--reason", "over"]);
  assert.deepEqual([done.code, done.stdout], [0, "pin/1 removed\n"]);
  assert.equal((await world.fleet(["pins"])).stderr, "No pins found.\n");
});

test("one device is pinned without a question and without naming its only deployment", async () => {
  const words = ["pin", "--device", "pi-1", "--to", old, "--reason", "x"];
  assert.match((await world.fleet(words)).stdout, /^pin\/2 web at/);
  assert.equal((await world.fleet(["unpin", "2", "--reason", "x"])).code, 0);
  assert.equal((await world.fleet(["pin", "--to", old, "--reason", "x"])).code, 2);
  assert.equal((await world.fleet([...words, "-l", "a=b"])).code, 2);
  const later = await world.fleet([...words, "--until", "yesterday"]);
  assert.equal(later.code, 2);
  assert.match(later.stderr, /"yesterday" is not a duration/);
});

test("labels and values are laid over a device's files and given back, each with a reason", async () => {
  const put = await world.fleet(["label", "pi-1", "ring=canary", "role-", "--reason", "tries"]);
  assert.deepEqual([put.code, put.stdout], [0, "device/pi-1 changed\n"]);
  const edits = await editsOf("pi-1");
  assert.deepEqual([edits?.labels["ring"]?.value, edits?.labels["role"]?.value], ["canary", null]);
  const set = await world.fleet(["set", "-l", "site=south", "A=1=2", "--reason", "x", "--yes"]);
  assert.equal(set.stdout.trim().split("\n").length, 2);
  assert.equal((await editsOf("pi-3"))?.values["A"]?.value, "1=2");
  await world.fleet(["set", "pi-3", "--reset", "A", "--reason", "y"]);
  await world.fleet(["label", "pi-1", "--reset", "ring", "--reset", "role", "--reason", "y"]);
  assert.deepEqual(await editsOf("pi-3"), { labels: {}, values: {} });
  assert.deepEqual(await editsOf("pi-1"), { labels: {}, values: {} });
  const empty = await world.fleet(["label", "pi-1", "--reason", "y"]);
  assert.equal(empty.code, 2);
  assert.match(empty.stderr, /nothing is to be changed/);
  assert.equal((await world.fleet(["set", "pi-1", "FLEET_APP=x", "--reason", "y"])).code, 2);
});

test("sync of a site asks its connected devices and waits until they have reported", async () => {
  const id = "pi-2" as DeviceId;
  const answer = setInterval(() => {
    if (!world.repeated.includes(id)) return;
    const reported = { ...reportedState(id), at: Date.now() };
    void world.store.changeDevices([{ id, reported }]);
  }, 100);
  const read: string[] = [];
  const server = createHttpServer({
    ...{ host: "127.0.0.1", port: 0, onFault: () => undefined },
    fetch: (request, ...rest) => {
      read.push(new URL(request.url).pathname);
      return world.app.fetch(request, ...rest);
    },
  });
  const { url } = await server.start();
  try {
    const done = await world.fleet(["sync", "--site", "south"], { env: { FLEET_HUB: url } });
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /device\/pi-2 reported$/m);
    assert.match(done.stderr, /^1 of 2 devices are connected and look now\.$/m);
    assert.deepEqual(world.repeated, [id]);
    // Five hundred devices would be asked one by one, again and again.
    assert.ok(!read.some((path) => path.startsWith("/v1/devices/")), read.join(" "));
  } finally {
    await server.stop();
    clearInterval(answer);
  }
  const silent = await world.fleet(["sync", "pi-1", "--timeout", "400ms"]);
  assert.equal(silent.code, 3);
  assert.match(silent.stderr, /not every device has reported in time: pi-1\n/);
  assert.equal((await world.fleet(["sync", "pi-1", "--all"])).code, 2);
});
