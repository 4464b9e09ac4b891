import * as assert from "node:assert/strict";
import type { BisectView } from "#hub/api/bisect.ts";
import type { RolloutView } from "#hub/api/rollout_view.ts";
import type { DeviceId } from "#shared/ids.ts";
import { addRollout, commitOf } from "#test/hub/api/fixtures.ts";
import { enrol } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";

const test = suite("fleet rollout", { limitMs: 240_000 });
let world: CommandWorld;
let id = 0;

test.before(async () => {
  world = await createCommandWorld();
  for (const name of ["pi-1", "pi-2", "pi-3"]) {
    await enrol(world, name, name === "pi-1" ? { role: "canary" } : {});
    await world.store.changeDevices([{ id: name as DeviceId, connection: "Online" }]);
  }
  id = await addRollout(world);
});
test.after(() => world.close());

const rollout = (...words: string[]) => world.fleet(["rollout", ...words]);
const why = ["--reason", "because"];

async function state(): Promise<string | undefined> {
  return (await world.store.rollout(id))?.head.state;
}

test("list shows where each rollout is; a filter narrows it; -o gives it to programs", async () => {
  const { code, stdout } = await rollout("list");
  assert.equal(code, 0);
  assert.match(stdout, /^ID +DEPLOYMENT +STATE +STEP +BRANCH +COMMIT/);
  assert.match(stdout, new RegExp(`^${id} +robots +Progressing +1/2 +main`, "m"));
  assert.equal((await rollout("list", "robots", "-o", "name")).stdout, `rollout/${id}\n`);
  assert.match((await rollout("list", "--state", "Halted")).stderr, /No rollouts found/);
});

test("status tells by deployment or number the steps, the bar, what it waits for and the devices", async () => {
  const { stdout } = await rollout("status", "robots");
  assert.match(stdout, new RegExp(`^Rollout ${id} of robots {2}Progressing {2}step 1 of 2`));
  assert.match(stdout, /Waits for: +devices of step 1 to answer/);
  assert.match(stdout, /^▒+·+ {2}1 under way, 2 to come$/m);
  assert.match(stdout, /100 % of role=canary +1 under way +now/);
  assert.match(stdout, /all, by approval/);
  assert.match(stdout, /pi-1 +Released +1/);
  assert.doesNotMatch(stdout, /pi-2/);
  assert.match((await rollout("status", String(id), "-o", "wide")).stdout, /pi-2 +Pending/);
  const json = JSON.parse((await rollout("status", "robots", "-o", "json")).stdout);
  assert.deepEqual([json.id, json.members.length, json.devices.Released], [id, 3, 1]);
});

test("a name that nothing has is told with what was meant", async () => {
  const { code, stderr } = await rollout("status", "robot");
  assert.equal(code, 5);
  assert.match(stderr, /no deployment is named "robot"/);
  const unknown = await rollout("status", "99");
  assert.equal(unknown.code, 5);
  assert.match(unknown.stderr, /List them with: fleet rollout list/);
});

test("preview is a table to decide on", async () => {
  const { stdout } = await rollout("preview", "robots");
  assert.match(stdout, /Devices: +2 change, 2 do not, 1 would but is kept/);
  assert.match(stdout, /Download: +15 B in all/);
  assert.match(stdout, /Restarts: +web on 1, unknown on 1/);
  assert.match(stdout, /At risk: +1 away/);
  assert.match(stdout, /pi-1 +10 B +web +away/);
  assert.match(stdout, /pi-2 +5 B +unknown +-/);
  assert.match(
    stdout,
    /Kept where they are\n.*\n +pi-3 +it is on hold: the fair \(by ada, until somebody unholds it\)\n/,
  );
});

test("what moves nothing is done at once; what moves devices asks, and does nothing without a yes", async () => {
  assert.equal((await rollout("pause", "robots")).code, 2);
  const paused = await rollout("pause", "robots", ...why);
  assert.deepEqual([paused.code, paused.stdout], [0, `rollout/${id} paused\n`]);
  const asked = await rollout("resume", "robots", ...why);
  assert.deepEqual([asked.code, asked.stdout], [7, ""]);
  assert.match(asked.stderr, /2 devices may get the release, in 2 steps\.\n.*--yes/);
  assert.equal(await state(), "Paused");
  assert.equal((await rollout("resume", "robots", ...why, "--yes")).code, 0);
  assert.equal(await state(), "Progressing");
});

test("an order that means nothing now is refused with what would", async () => {
  const { code, stderr } = await rollout("approve", "robots", ...why, "--yes");
  assert.equal(code, 8);
  assert.match(stderr, /approve means something only while it is AwaitingApproval/);
});

test("approve means the step that was shown, though another waits by the time of the yes", async () => {
  const { order } = world.rollouts;
  const now = await world.store.rollout(id);
  assert.ok(now !== null);
  const change = { marks: [], joined: [], events: [], now: 1 };
  world.rollouts.order = async (...given) => {
    const head = { ...now.head, state: "AwaitingApproval", step: 1 } as const;
    await world.store.changeRollout({ ...now, ...change, head });
    await world.rollouts.reload();
    return order(...given);
  };
  try {
    const { code, stderr } = await rollout("approve", "robots", ...why, "--yes");
    assert.equal(code, 8);
    assert.match(stderr, /nothing was approved: .* at step 2 of 2 .*and step 1 is over/);
  } finally {
    world.rollouts.order = order;
  }
  const later = await world.store.rollout(id);
  assert.equal(later?.head.state, "AwaitingApproval");
  assert.ok(later !== null);
  await world.store.changeRollout({ ...later, ...change, head: now.head });
  await world.rollouts.reload();
});

test("halt and resume of the fleet stand for everything", async () => {
  assert.equal((await rollout("halt", ...why)).code, 2);
  assert.equal((await rollout("halt", "robots", "--fleet", ...why)).code, 2);
  const halted = await rollout("halt", "--fleet", ...why);
  assert.match(halted.stdout, /^fleet halted/);
  assert.equal(world.rollouts.fleetHalt()?.reason, "because");
  assert.equal((await rollout("resume", "--fleet", ...why)).code, 7);
  assert.match((await rollout("resume", "--fleet", ...why, "--yes")).stdout, /^fleet resumed/);
  assert.equal(world.rollouts.fleetHalt(), null);
});

test("status --watch writes a line per change where no terminal is, and ends with the rollout", async () => {
  const watching = world.start(["rollout", "status", "robots", "--watch"]);
  await watching.shows(/Progressing, waits for devices of step 1/);
  const halted = await rollout("halt", "robots", "--heal", ...why, "--yes");
  assert.equal(halted.stdout, `rollout/${id} halted\n`);
  const { code, stdout, stderr } = await watching.ended;
  assert.equal(code, 1);
  assert.match(stdout, /pi-1 {2}Reverted: the rollout was halted$/m);
  assert.match(stdout, /Halted \(admin: because\) {2}1 sent back, 2 to come$/m);
  assert.match(stderr, /fleet rollout undo or bisect/);
  assert.ok(!stdout.includes("\u001B"));
});

test("bisect begins with a reason, is shown, and cancelled", async () => {
  assert.equal((await rollout("bisect", "robots")).code, 2);
  assert.equal((await rollout("bisect", "robots", "--show")).code, 5);
  const begun = await rollout("bisect", "robots", "--device", "pi-1", ...why);
  assert.equal(begun.code, 0, begun.stderr);
  assert.match(begun.stdout, /^Bisect of rollout \d+ of robots {2}Testing/);
  assert.match(begun.stdout, /Tests left: +1 at most/);
  assert.match(begun.stdout, new RegExp(`${commitOf("second").slice(0, 7)} +untested +testing`));
  assert.match(begun.stdout, /pi-1 +Released/);
  const json = JSON.parse((await rollout("bisect", "robots", "--show", "-o", "json")).stdout);
  const view: BisectView = json;
  assert.deepEqual([view.state, view.operator], ["Testing", "admin"]);
  const cancelled = await rollout("bisect", "robots", "--cancel", ...why);
  assert.match(cancelled.stdout, /Answer: +admin cancelled it: because/);
});

test("undo brings back what was promoted last, and says that it stays", async () => {
  const { stdout } = await rollout("undo", "robots", ...why, "--yes");
  assert.match(stdout, /undone: the last promoted release stays until Git says otherwise/);
  const view = JSON.parse((await rollout("status", "robots", "-o", "json")).stdout) as RolloutView;
  assert.equal(view.state, "Undone");
});
