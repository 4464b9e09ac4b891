// Safe mode in the real loop: its ways in and out, and what serves meanwhile.
import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { condition, events, inSafeMode } from "./safely.ts";
import { outcomes, serving, slowHub, withProbe } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: safe mode");

async function failThreeTimes(world: World): Promise<void> {
  world.behave("z", { kind: "exits", code: 9 });
  for (const commit of ["1", "2", "3"]) {
    await world.ended(world.want({ letter: "z", values: { N: commit } }), "rolledBack");
  }
  await world.until("safe mode", () => inSafeMode(world));
}

test(
  "three failed updates in a row lead in, once, and the last good release serves on",
  within(async (world) => {
    const { "db.1": db } = await serving(world);
    await failThreeTimes(world);
    const { safeMode, mode } = world.reported() ?? {};
    assert.deepEqual(
      [safeMode?.cause, safeMode?.serves, mode],
      ["failedUpdates", "lastGood", "safe"],
    );
    assert.deepEqual(
      [condition(world)?.status, condition(world)?.reason],
      ["True", "FailedUpdates"],
    );
    const next = world.want({ letter: "b" });
    await world.passed(60_000);
    assert.equal(outcomes(world), "rolledBack rolledBack rolledBack succeeded");
    assert.equal(world.app()?.health, "Healthy");
    assert.equal(world.app()?.why?.[0]?.reason, "SafeMode");
    assert.equal((await world.copies())["db.1"], db);
    world.runtime.change("web", 1, { state: "exited", exitCode: 1 });
    await world.until("repair", () => world.app()?.health === "Healthy");
    assert.deepEqual(events(world, "SafeModeEntered", "SafeModeLeft"), ["SafeModeEntered"]);
    world.wish([next], "run", { retry: 1 });
    await world.converged(next);
    assert.deepEqual(events(world, "SafeModeEntered", "SafeModeLeft"), [
      "SafeModeEntered",
      "SafeModeLeft",
    ]);
    assert.equal(inSafeMode(world), false);
    assert.equal(condition(world)?.status, "False");
  }),
);

test(
  "a retry tries the very release again that failed, and the same number does so once",
  within(async (world) => {
    await serving(world);
    await failThreeTimes(world);
    world.behave("z", { kind: "runs" });
    const same = world.hub.spec("web", { letter: "z", values: { N: "3" } });
    world.wish([same], "run", { retry: 7 });
    await world.converged(same);
    world.agent().safeMode.enter("look after it");
    await world.until("safe mode", () => inSafeMode(world));
    world.wish([same, world.hub.spec("other", { letter: "o" })], "run", { retry: 7 });
    await world.passed(30_000);
    assert.equal(inSafeMode(world), true);
  }),
);

test(
  "is remembered over a restart, and so is what was honoured",
  within(async (world) => {
    await serving(world);
    await failThreeTimes(world);
    await world.stop();
    world.start();
    await world.until("safe mode", () => inSafeMode(world));
    assert.deepEqual(events(world, "SafeModeEntered"), ["SafeModeEntered"]);
    const next = world.hub.spec("web", { letter: "b" });
    world.wish([next], "run", { retry: 1 });
    await world.converged(next);
    world.agent().safeMode.enter("by hand");
    await world.until("safe mode", () => inSafeMode(world));
    await world.stop();
    world.start();
    await world.until("safe mode again", () => inSafeMode(world));
  }),
);

test(
  "what is prepared or on trial goes back to the last good release",
  within(async (world) => {
    await serving(world);
    const open = slowHub(world);
    world.want({ letter: "b" });
    await world.until("fetch", () => world.app()?.step === "fetch");
    world.agent().safeMode.enter("stop that");
    await world.until("drop", () => outcomes(world).startsWith("superseded"));
    world.agent().safeMode.leave();
    open();
    world.probes = (letter) => [{ probe: "http", ok: letter === "a", detail: "not yet" }];
    world.want({ letter: "c", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.agent().safeMode.enter("stop that too");
    await world.until("the way back", () => world.app()?.health === "Healthy");
    assert.equal(outcomes(world), "superseded superseded succeeded");
    assert.match(world.app()?.current?.commit ?? "", /^61/);
    assert.deepEqual(world.app()?.quarantined, []);
  }),
);

test(
  "a first release that has not proved itself goes when safe mode comes",
  within(async (world) => {
    world.probes = () => [{ probe: "http", ok: false, detail: "not yet" }];
    world.want({ letter: "a", role: withProbe });
    world.start();
    await world.until("trial", () => world.app()?.step === "probe");
    world.agent().safeMode.enter("stop that");
    await world.until("nothing", () => world.reported()?.safeMode?.serves === "nothing");
    await world.passed(5000);
    assert.deepEqual(await world.copies(), {});
  }),
);

test(
  "five starts that came to nothing are a boot loop, orderly ones are none",
  within(async (world) => {
    const before = await serving(world);
    await world.passed(31_000);
    for (let at = 0; at < 7; at += 1) {
      await world.stop();
      world.start();
      await world.until("a report", () => world.app()?.sync === "Synced");
    }
    assert.equal(inSafeMode(world), false);
    await world.passed(31_000);
    for (let at = 0; at < 5; at += 1) {
      await world.kill();
      world.start();
      await world.until("a report", () => world.reported() !== undefined);
      assert.equal(inSafeMode(world), false);
    }
    await world.kill();
    world.boot("boot-2");
    world.start();
    await world.until("safe mode", () => world.reported()?.safeMode?.cause === "bootLoop");
    assert.deepEqual(await world.copies(), before);
    await world.passed(60_000);
    assert.equal(inSafeMode(world), true);
    world.agent().safeMode.leave();
    await world.until("the way out", () => !inSafeMode(world));
    await world.kill();
    world.start();
    await world.passed(20_000);
    assert.equal(inSafeMode(world), false);
  }),
);

test(
  "a full disk leads in, and free space, with some to spare, out again",
  within(async (world) => {
    await serving(world);
    world.disk = { freeBytes: 5e6, reserveBytes: 1e8 };
    await world.until("safe mode", () => inSafeMode(world));
    const next = world.want({ letter: "b" });
    world.disk = { freeBytes: 4e7, reserveBytes: 1e8 };
    await world.passed(30_000);
    assert.equal(world.app()?.why?.[0]?.message.includes("the disk is full"), true);
    assert.equal(inSafeMode(world), true);
    world.disk = { freeBytes: 6e7, reserveBytes: 1e8 };
    await world.converged(next);
    assert.deepEqual(events(world, "SafeModeEntered", "SafeModeLeft"), [
      "SafeModeEntered",
      "SafeModeLeft",
    ]);
  }),
);

test(
  "the fleet's word leads in and out",
  within(async (world) => {
    await serving(world);
    const next = world.hub.spec("web", { letter: "b" });
    world.wish([next], "safe");
    await world.until("safe mode", () => world.reported()?.safeMode?.cause === "hub");
    await world.passed(20_000);
    assert.equal(outcomes(world), "succeeded");
    world.wish([next]);
    await world.converged(next);
  }),
);
