import * as assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: plans and runs", { limitMs: 180_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
  for (const id of ["pi-1", "pi-2", "pi-3"]) world.bus.emit("membership", id as DeviceId);
  await world.runs.settle();
});
test.after(() => world.close());

/** Devices do what they are told until the command has ended. */
async function obeying<T>(command: Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    for (const id of ["pi-1", "pi-2", "pi-3"]) world.runProvider.tick(id as DeviceId);
  }, 20);
  return command.finally(() => clearInterval(timer));
}

test("a run is ordered, waited for, and shown with its steps", async () => {
  const order = ["reboot", "pi-1", "--reason", "clock stands", "--request", "r-1", "--wait"];
  const { code, stdout, stderr } = await obeying(world.fleet(order));
  assert.equal(code, 0, stderr);
  const [, id] = /^run\/([a-z0-9]+) reboot on pi-1: Pending\n$/.exec(stdout) ?? [];
  assert.ok(id !== undefined, stdout);
  assert.match(stderr, new RegExp(`run/${id} on pi-1 Succeeded`));
  const page = await world.fleet(["runs", id]);
  assert.match(page.stdout, /Ordered by: +admin: clock stands/);
  assert.match(page.stdout, /waitForDevice/);
  const list = await world.fleet(["runs", "--device", "pi-1", "-o", "json"]);
  const { items } = JSON.parse(list.stdout) as { items: { id: string; state: string }[] };
  assert.deepEqual(
    items.map((run) => [run.id, run.state]),
    [[id, "Succeeded"]],
  );
});

test("what is lost for good is asked for, also of a named device", async () => {
  const { code, stderr } = await world.fleet(["rma", "pi-2", "--reason", "dead"]);
  assert.equal(code, 7);
  assert.match(stderr, /1 device to rma:\n {2}pi-2/);
  assert.equal((await world.store.runs({ limit: 5, device: "pi-2" as DeviceId })).rows.length, 0);
});

test("a run is cancelled by its device, which then is listed as needing help", async () => {
  const ordered = await world.fleet(["run", "upgrade", "pi-3", "--reason", "fair"]);
  assert.equal(ordered.code, 0, ordered.stderr);
  const cancelled = await world.fleet(["cancel", "pi-3", "--reason", "wrong one"]);
  assert.match(cancelled.stdout, /upgrade on pi-3: Cancelled/);
  const phases = await world.fleet(["phases", "pi-3", "-o", "wide"]);
  assert.match(phases.stdout, /pi-3 +MAINTENANCE .*needed.*admin cancelled it: wrong one/);
  const mended = await world.fleet(["phase", "pi-3", "--to", "READY", "--reason", "fine"]);
  assert.equal(mended.stdout, "device/pi-3 is IN_SERVICE\n");
});

test("wait sees a device in need of intervention, and that it was mended", async () => {
  await world.untilWatchedBy(0);
  const command = world.start(["wait", "pi-2", "--for=condition=NeedsIntervention"]);
  await world.untilWatchedBy(1);
  for (const words of [["run", "upgrade"], ["cancel"]]) {
    const done = await world.fleet([...words, "pi-2", "--reason", "test"]);
    assert.equal(done.code, 0, done.stderr);
  }
  const { code, stdout } = await command.ended;
  assert.deepEqual([code, stdout], [0, "device/pi-2 is as waited for\n"]);
  const page = await world.fleet(["describe", "device", "pi-2"]);
  assert.match(page.stdout, /NeedsIntervention +True .*admin cancelled it: test/);
  await world.untilWatchedBy(0);
  const mended = world.start(["wait", "pi-2", "--for=condition=NeedsIntervention=False"]);
  await world.untilWatchedBy(1);
  await world.fleet(["phase", "pi-2", "--to", "READY", "--reason", "fine"]);
  assert.equal((await mended.ended).code, 0);
});

test("a file is imported, and its faults are told by line and field", async () => {
  const file = join(world.home, "shelf.csv");
  await writeFile(file, "id,serial\nbox-1,7\nBOX,8\n");
  const bad = await world.fleet(["import", file]);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /shelf\.csv:3: id: must be 1 to 63 characters/);
  await writeFile(file, "id,serial\nbox-1,7\n");
  const good = await world.fleet(["import", file, "-o", "name"]);
  assert.deepEqual([good.code, good.stdout], [0, "phase/box-1\n"]);
  const plans = await world.fleet(["plans", "net-reconfig"]);
  assert.match(plans.stdout, /INTERFACE +must be given +as the kernel names it/);
});
