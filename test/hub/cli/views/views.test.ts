import * as assert from "node:assert/strict";
import type { DeviceView } from "#hub/api/device_view.ts";
import { deviceView } from "#hub/api/device_view.ts";
import { differences } from "#hub/cli/views/difference.ts";
import { isReached, parseGoal } from "#hub/cli/views/goal.ts";
import { treeOf } from "#hub/cli/views/tree.ts";
import { newLifecycle } from "#hub/run/phase.ts";
import type { AppReport } from "#shared/reported.ts";
import { addDevice, appReport, revision } from "#test/hub/api/fixtures.ts";
import { createWorld, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("views of a device");
let world: World;
test.before(async () => {
  world = await createWorld();
});
test.after(() => world.close());

let count = 0;
async function view(apps: AppReport[], over: Partial<DeviceView> = {}): Promise<DeviceView> {
  count += 1;
  const id = await addDevice(world, `pi-${count}`, { apps });
  const row = await world.store.device(id);
  assert.ok(row !== null);
  const about = { desired: await world.store.desired(id), notices: world.notices.on(row) };
  const made = deviceView(row, { ...about, life: undefined });
  const reported = made.reported === null ? null : { ...made.reported, observedGeneration: 1 };
  return { ...made, reported, ...over };
}

test("a device that has what it should have differs in nothing", async () => {
  assert.deepEqual(differences(await view([appReport("web")])), []);
});

test("another release, a missing app and one too many are each told", async () => {
  const other = await view([appReport("web", { current: revision("second") })]);
  const [difference, ...more] = differences(other);
  assert.equal(difference?.field, "app.web.release");
  assert.match(difference?.desired ?? "", /^web@\w{7} \(main\) \w{12}$/);
  assert.notEqual(difference?.desired, difference?.reported);
  assert.deepEqual(more, []);
  const fields = differences(await view([appReport("extra")])).map(
    ({ field, desired, reported }) => [field, desired === null, reported === null],
  );
  assert.deepEqual(fields, [
    ["app.web.release", false, true],
    ["app.extra.release", true, false],
  ]);
});

test("new values under the same release differ by revision, with the reason", async () => {
  const target = { ...revision("first"), revision: revision("second").revision };
  const why = [{ reason: "WindowClosed", message: "the window is closed" }];
  const [found] = differences(await view([appReport("web", { sync: "OutOfSync", target, why })]));
  assert.equal(found?.field, "app.web.revision");
  assert.equal(found?.why, "the window is closed");
});

test("generation, spec hash, mode and safe mode are compared too", async () => {
  const behind = await view([appReport("web")], { observedGeneration: 0 });
  assert.deepEqual(differences(behind), [{ field: "generation", desired: "1", reported: null }]);
  const forged = await view([appReport("web")], { observedHash: "other" });
  assert.deepEqual(
    differences(forged).map(({ field }) => field),
    ["spec"],
  );
  const safeMode = {
    cause: "diskFull",
    message: "disk is full",
    since: 1,
    serves: "lastGood",
  } as const;
  const safe = await view([appReport("web")], { safeMode });
  assert.deepEqual(
    differences(safe).map(({ field, why }) => [field, why]),
    [["safeMode", "disk is full"]],
  );
});

test("goals are read, and a mistyped one names the nearest", () => {
  assert.deepEqual(parseGoal("condition=healthy"), {
    kind: "condition",
    type: "Healthy",
    status: "True",
  });
  assert.deepEqual(parseGoal("condition=Isolated=False"), {
    kind: "condition",
    type: "Isolated",
    status: "False",
  });
  assert.deepEqual(parseGoal("condition=needsintervention"), {
    kind: "condition",
    type: "NeedsIntervention",
    status: "True",
  });
  assert.deepEqual(parseGoal("sync=Synced"), { kind: "status", field: "sync", value: "Synced" });
  assert.deepEqual(parseGoal("generation=12"), { kind: "generation", least: 12 });
  assert.throws(() => parseGoal("condition=Helthy"), { hint: "Did you mean Healthy?" });
  for (const text of ["", "delete", "generation=x", "sync", "create=1", "health=Synced"]) {
    assert.throws(() => parseGoal(text), { code: "request_invalid" }, text);
  }
});

test("a condition of an older generation reaches no goal", async () => {
  const device = await view([appReport("web")]);
  const goal = parseGoal("condition=Synced");
  assert.equal(isReached(goal, device), true);
  assert.equal(isReached(goal, { ...device, desiredGeneration: 2 }), false);
  assert.equal(isReached(parseGoal("condition=Synced=False"), device), false);
});

test("a condition of the device's life reaches its goal at any generation", async () => {
  const device = await view([appReport("web")]);
  const goal = parseGoal("condition=NeedsIntervention");
  assert.equal(isReached(goal, device), false);
  const { needsIntervention } = newLifecycle(device.id, 1);
  const conditions = [...device.conditions, { ...needsIntervention, status: "True" as const }];
  assert.equal(isReached(goal, { ...device, conditions, desiredGeneration: 2 }), true);
});

test("generation waits for the wanted one, and for at least one", async () => {
  const device = await view([appReport("web")]);
  const goal = parseGoal("generation");
  assert.equal(isReached(goal, device), true);
  assert.equal(isReached(goal, { ...device, desiredGeneration: 2 }), false);
  assert.equal(isReached(goal, { ...device, desiredGeneration: 0, observedGeneration: 0 }), false);
  assert.equal(isReached(parseGoal("generation=3"), { ...device, observedGeneration: 4 }), true);
  assert.equal(isReached(parseGoal("create"), device), true);
  assert.equal(isReached(parseGoal("create"), undefined), false);
});

test("the tree shows the worst of what is below, and ends where it was told to", async () => {
  const good = await view([appReport("web")]);
  const bad = await view([appReport("web", { health: "Degraded" })]);
  const devices = [
    { ...good, id: "a" as never, labels: { site: "south" } },
    { ...bad, id: "b" as never, labels: {} },
  ];
  const services = new Map([["a/web", appReport("web").services]]);
  const texts = treeOf(devices, services, "service").map(({ branch, text }) => branch + text);
  assert.equal(
    texts.join("\n").replace(/@\w{7}/g, "@C"),
    `fleet  2/2 online, 2/2 synced, 1/2 healthy
├─ (no site)  1/1 online, 1/1 synced, 0/1 healthy
│  └─ b  [Online] [Synced] [Degraded]
│     └─ web  web@C  [Synced] [Degraded]
└─ south  1/1 online, 1/1 synced, 1/1 healthy
   └─ a  [Online] [Synced] [Healthy]
      └─ web  web@C  [Synced] [Healthy]
         └─ server  1/1  [Healthy]`,
  );
  assert.deepEqual(
    treeOf(devices, services, "site").map(({ tone }) => tone),
    ["bad", "bad", "good"],
  );
  assert.equal(treeOf(devices, services, "app").length, 7);
});
