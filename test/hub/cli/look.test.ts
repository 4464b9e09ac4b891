import * as assert from "node:assert/strict";
import { parse } from "yaml";
import { digestOf } from "#test/hub/api/fixtures.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: looking", { limitMs: 240_000 });
let world: CommandWorld;

test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
});
test.after(() => world.close());

test("a table in a pipe has no colour, is whole, and words do not mix with it", async () => {
  const { code, stdout, stderr } = await world.fleet(["get", "devices"]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const [head, ...lines] = stdout.trimEnd().split("\n");
  assert.match(head ?? "", /^NAME +SITE +CONNECTION +SYNC +HEALTH +LAST SEEN +WHY$/);
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? "", /^pi-2 +south +Online +OutOfSync +Degraded .*closed until 22:00$/);
  assert.ok(!stdout.includes("\u001B"));
});

test("the server filters and sorts", async () => {
  const names = async (...words: string[]): Promise<string> =>
    (await world.fleet(["get", "devices", "-o", "name", ...words])).stdout
      .trim()
      .replaceAll("\n", " ");
  assert.equal(await names("-l", "site in (south)"), "device/pi-2 device/pi-3");
  assert.equal(await names("--field-selector", "health=Degraded,sync=OutOfSync"), "device/pi-2");
  assert.equal(await names("--desc", "--limit", "2"), "device/pi-3 device/pi-2");
  assert.equal(await names("device/pi-3", "pi-1"), "device/pi-3 device/pi-1");
});

test("json, yaml and jsonpath hold the same, with times as RFC 3339", async () => {
  const json = JSON.parse((await world.fleet(["get", "devices", "-o", "json"])).stdout);
  const yaml = parse((await world.fleet(["get", "devices", "-o", "yaml"])).stdout);
  assert.deepEqual(yaml, json);
  assert.equal(json.items.length, 3);
  assert.match(json.items[0].lastSeenAt, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const path = 'jsonpath={range .items[?(@.sync=="OutOfSync")]}{.id}{"\\n"}{end}';
  assert.equal((await world.fleet(["get", "devices", "-o", path])).stdout, "pi-2\n");
  const one = await world.fleet(["get", "device", "pi-1", "-o", "jsonpath={.labels.site}"]);
  assert.equal(one.stdout, "north\n");
});

test("an unknown name is told with the nearest ones, and the known ones are shown", async () => {
  const { code, stdout, stderr } = await world.fleet(["get", "devices", "pi-1", "pi-11"]);
  assert.equal(code, 5);
  assert.match(stdout, /^pi-1 /m);
  assert.match(stderr, /no device is named "pi-11"\nDid you mean pi-1/);
  const empty = await world.fleet(["get", "devices", "-l", "site=moon"]);
  assert.deepEqual([empty.code, empty.stdout, empty.stderr], [0, "", "No devices found.\n"]);
});

test("apps, sites, deployments, releases, events and updates are listed", async () => {
  const cases: [words: string[], pattern: RegExp][] = [
    [
      ["apps", "web", "--field-selector", "sync=OutOfSync"],
      /^pi-2 +web +OutOfSync +Degraded +web +\w{7} +\w{7} +pull 40% /m,
    ],
    [["sites"], /^south +2 +1 +1 +1 +0\/0$/m],
    [["deployments"], /^web +web +main +\w{7} +3 +2 +2 +\(all\)$/m],
    [
      ["releases", digestOf("first").slice(0, 6)],
      /^\w{12} +web +main +\w{7} +Ada +release first /m,
    ],
    [["events", "pi-1"], /Warning +pi-1 +UpdateFailed +it failed$/m],
    [
      ["updates", "pi-1", "-o", "wide"],
      /^pi-1 +web +rolledBack .* fetch 0\.9s, probe 0\.9s failed$/m,
    ],
  ];
  for (const [words, pattern] of cases) {
    const { code, stdout, stderr } = await world.fleet(["get", ...words]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, pattern);
  }
});

test("describe has everything on one page, and no escape of a device", async () => {
  const { code, stdout } = await world.fleet(["describe", "device", "pi-2"]);
  assert.equal(code, 0);
  for (const part of [
    /^Sync: +OutOfSync$/m,
    /^ {2}web: the maintenance window is closed until 22:00 \(WindowClosed\)$/m,
    /^ {4}because the app holds its lock\\u001b\[2J \(HeldByApp\)$/m,
    /^ {2}Wanted: +web@\w{7} \(main\)/m,
    /^ {2}server +Healthy +1\/1 /m,
    /^ {2}Synced +True /m,
  ]) {
    assert.match(stdout, part);
  }
  // The same sentence as a cause and as the last failure stands there once.
  assert.equal(stdout.match(/closed until 22:00 \(/g)?.length, 1, stdout);
  const other = await world.fleet(["describe", "device", "pi-1"]);
  assert.match(
    other.stdout,
    /rolledBack after 5\.0s\n {4}server did not become healthy\n {4}fetch 0\.9s -> probe 0\.9s \(failed\)/,
  );
  assert.match(other.stdout, /Warning +UpdateFailed +it failed/);
});

test("diff ends with 0 where nothing differs, 1 where something does, and above 1 on errors", async () => {
  const same = await world.fleet(["diff", "device", "pi-1"]);
  assert.deepEqual([same.code, same.stdout], [0, ""]);
  const differs = await world.fleet(["diff", "device", "pi-2"]);
  assert.equal(differs.code, 1);
  assert.match(
    differs.stdout,
    /^--- pi-2 reported\n\+\+\+ pi-2 desired\n-app\.web\.revision: \w{12}\n\+app\.web\.revision: /,
  );
  const json = await world.fleet(["diff", "device", "pi-2", "-o", "json"]);
  assert.equal(JSON.parse(json.stdout).same, false);
  assert.equal(json.code, 1);
  assert.equal((await world.fleet(["diff", "device", "pi-9"])).code, 5);
  assert.equal((await world.fleet(["diff", "site", "north"])).code, 2);
});

test("what -o name writes is taken back by the verbs that take names", async () => {
  const described = await world.fleet(["describe", "device/pi-1", "-o", "jsonpath={.device.id}"]);
  assert.equal(described.stdout, "pi-1\n", described.stderr);
  assert.equal((await world.fleet(["diff", "device/pi-1"])).code, 0);
  assert.match((await world.fleet(["history", "device/pi-1"])).stdout, /^pi-1 +web +rolledBack /m);
  assert.match((await world.fleet(["history", "deployment/web"])).stdout, /release first/);
  const held = await world.fleet(["hold", "device/pi-1", "--dry-run", "--reason", "x"]);
  assert.match(held.stderr, /1 device to hold:\n {2}pi-1\n/);
  const waited = await world.fleet(["wait", "device/pi-1", "--for=sync=Synced"]);
  assert.equal(waited.code, 0, waited.stderr);
  const events = await world.fleet([
    "events",
    "--for",
    "device/pi-1",
    "--limit",
    "1",
    "-o",
    "name",
  ]);
  assert.match(events.stdout, /^event\/\d+\n$/);
});

test("the version and the help of a word below a verb are found where people look", async () => {
  for (const flag of ["--version", "-V"]) {
    assert.match((await world.fleet([flag])).stdout, /^fleet \d+\.\d+\.\d+\n$/);
  }
  const help = await world.fleet(["help", "rollout", "status"]);
  assert.equal(help.stdout, (await world.fleet(["rollout", "status", "--help"])).stdout);
});

test("tree and history show what there is", async () => {
  const tree = await world.fleet(["tree", "-l", "site=south"]);
  assert.match(tree.stdout, /^fleet {2}1\/2 online, 1\/2 synced, 1\/2 healthy\n└─ south /);
  assert.match(tree.stdout, /^ {3}├─ pi-2 {2}\[Online\] \[OutOfSync\] \[Degraded\]/m);
  assert.match(tree.stdout, /server {2}1\/1 {2}\[Healthy\]/);
  const device = await world.fleet(["history", "device", "pi-1"]);
  assert.match(device.stdout, /^pi-1 +web +rolledBack /m);
  const deployment = await world.fleet(["history", "deployment", "web"]);
  assert.match(deployment.stdout, /^\w{12} +\w{7} +Ada +release first +\w+ +3 +yes$/m);
});

test("events are bounded by time and by type", async () => {
  const recent = await world.fleet([
    "events",
    "--since",
    "1h",
    "-o",
    "jsonpath={.items[*].reason}",
  ]);
  assert.equal(recent.stdout, "UpdateFailed\n");
  const all = await world.fleet(["events", "--for", "pi-1", "--type", "Normal", "--no-headers"]);
  assert.match(all.stdout, /^\d+m +Normal +pi-1 +Old +long ago\n$/);
});
