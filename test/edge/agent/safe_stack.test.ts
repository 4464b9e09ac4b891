// The fleet's safe-mode stack: prepared while all is well, and running when what served stays sick.
import * as assert from "node:assert/strict";
import type { AppSpec } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { condition, events, inSafeMode } from "./safely.ts";
import { removals, withProbe } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: the safe-mode stack");

const stackOf = (world: World, letter = "s"): AppSpec =>
  world.hub.spec("safe-mode", {
    letter,
    compose: `services:\n  beacon: { image: "beacon:${letter}", restart: always, ports: ["80:80"] }\n`,
  });

async function servingWithStack(world: World): Promise<{ web: AppSpec; safeStack: AppSpec }> {
  const web = world.hub.spec("web", { letter: "a", role: withProbe });
  const safeStack = stackOf(world);
  world.wish([web], "run", { safeStack });
  world.start();
  await world.converged(web);
  await world.until("a ready stack", () => condition(world)?.message.includes("ready") === true);
  return { web, safeStack };
}

test(
  "the safe-mode stack is prepared, and neither runs nor counts while all is well",
  within(async (world) => {
    const { web, safeStack } = await servingWithStack(world);
    assert.deepEqual(Object.keys(await world.copies()).sort(), ["db.1", "web.1"]);
    assert.ok(world.runtime.calls.includes("pull beacon:s"));
    assert.deepEqual(
      world.reported()?.apps.map(({ name }) => name),
      ["web"],
    );
    assert.equal(world.current("safe-mode") === undefined, false);
    const changed = stackOf(world, "t");
    world.wish([web], "run", { safeStack: changed });
    await world.ended(changed, "succeeded");
    assert.ok(world.runtime.calls.includes("pull beacon:t"));
    world.wish([web]);
    await world.until("forgotten", () => world.current("safe-mode") === undefined);
    assert.deepEqual(events(world, "DriftFound"), []);
    assert.notEqual(changed.release.digest, safeStack.release.digest);
  }),
);

test(
  "a stack that cannot be had is a warning and no reason for safe mode",
  within(async (world) => {
    const web = world.hub.spec("web", { letter: "a" });
    world.wish([web]);
    world.start();
    await world.converged(web);
    world.runtime.fail("check", new FleetError("runtime_refused", { message: "no beacon here" }));
    for (const letter of ["s", "t", "u"]) {
      const safeStack = stackOf(world, letter);
      world.wish([web], "run", { safeStack });
      await world.ended(safeStack, "refused");
    }
    await world.passed(20_000);
    assert.equal(inSafeMode(world), false);
    assert.deepEqual([world.app()?.sync, world.app()?.health], ["Synced", "Healthy"]);
    assert.match(condition(world)?.message ?? "", /cannot be had: no beacon here/);
    assert.equal(events(world, "ReleaseQuarantined").length, 3);
  }),
);

test(
  "the stack takes over from an app that stays sick, and gives way again",
  within(async (world) => {
    const { web, safeStack } = await servingWithStack(world);
    world.agent().safeMode.enter("see what happens");
    await world.until("safe mode", () => world.reported()?.safeMode?.serves === "lastGood");
    world.probes = () => [{ probe: "http", ok: false, detail: "answered 500" }];
    await world.until("takeover", () => world.reported()?.safeMode?.serves === "safeStack");
    await world.until("the stack", () => world.app("safe-mode")?.health === "Healthy");
    assert.deepEqual(Object.keys(await world.copies()), ["beacon.1"]);
    assert.deepEqual([world.app()?.sync, world.app()?.health], ["OutOfSync", "Suspended"]);
    assert.deepEqual(
      world.app()?.why?.map(({ reason }) => reason),
      ["Suspended", "SafeMode"],
    );
    const calls = world.runtime.calls.filter((call) => /^(remove|start)/.test(call)).slice(-3);
    assert.equal(calls.at(-1), "start safe-mode/beacon.1");
    await world.kill();
    world.start();
    await world.until("the same again", () => world.app()?.health === "Suspended");
    assert.deepEqual(Object.keys(await world.copies()), ["beacon.1"]);
    world.probes = () => [{ probe: "http", ok: true, detail: "" }];
    world.wish([web], "run", { safeStack, retry: 1 });
    await world.converged(web);
    await world.until("no stack", () => world.app("safe-mode") === undefined);
    await world.passed(5000);
    assert.deepEqual(Object.keys(await world.copies()).sort(), ["db.1", "web.1"]);
    assert.deepEqual(events(world, "DriftFound", "AppSuspended"), ["AppSuspended"]);
  }),
);

test(
  "without a stack that is well nothing serves but the page",
  within(async (world) => {
    world.runtime.behave("beacon", { kind: "exits", code: 4 });
    await servingWithStack(world);
    world.agent().safeMode.enter("see what happens");
    world.probes = () => [{ probe: "http", ok: false, detail: "answered 500" }];
    await world.until("both stopped", () => events(world, "AppSuspended").length === 2);
    await world.passed(5000);
    assert.equal(world.reported()?.safeMode?.serves, "nothing");
    assert.deepEqual(await world.copies(), {});
    assert.deepEqual(events(world, "AppSuspended"), ["AppSuspended", "AppSuspended"]);
    assert.ok(removals(world).includes("remove safe-mode/beacon.1"));
  }),
);
