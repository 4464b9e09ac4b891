// Runs that change the device under the agent: reboots, wipes, and settings of the network.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import type { RunOrder } from "#shared/run.ts";
import { suite } from "#test/suite.ts";
import { ended, orderOf, story } from "./run_story.ts";
import { type World, within } from "./world.ts";

const test = suite("edge/agent runs on the machine");
const network = { interface: "eth0", method: "dhcp" };

/** Until the run's new settings are in force and wait to be confirmed. */
async function applied(world: World): Promise<RunOrder> {
  world.start();
  const spec = world.want({ letter: "a" });
  await world.converged(spec);
  const run = orderOf([{ kind: "configureNetwork", network, confirmMs: 30_000 }]);
  world.wish([spec], "run", { run });
  await world.until("the settings", () => world.machine.acts.includes("apply dhcp"));
  return run;
}

test(
  "orders a reboot once, though the agent dies right after the order, and goes on in the next boot",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const { promise: down, resolve } = Promise.withResolvers<void>();
    world.machine.onReboot = resolve;
    const run = orderOf([{ kind: "reboot" }, { kind: "waitForDevice" }]);
    world.wish([spec], "run", { run });
    await down;
    await world.kill();
    world.boot("boot-2");
    world.link.lastContactMonotonicMs = Number.MAX_SAFE_INTEGER;
    world.start();
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 reboot 1 begins", "0 reboot 1 ok"],
      ...["1 waitForDevice 1 begins", "1 waitForDevice 1 ok"],
      "ended succeeded",
    ]);
    assert.deepEqual(world.machine.acts, ["reboot"]);
  }),
);

test(
  "stays where it is in a boot that cannot keep its journal, and goes on in the next",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const { promise: down, resolve } = Promise.withResolvers<void>();
    world.machine.onReboot = resolve;
    const run = orderOf([{ kind: "reboot" }, { kind: "reboot" }]);
    world.wish([spec], "run", { run });
    await down;
    await world.kill();
    world.boot("boot-2");
    world.start();
    const volatile = new FleetError("journal_unusable", { message: "the disk is read-only" });
    Object.assign(world.journal(), { volatile });
    await world.passed(120_000);
    assert.deepEqual(world.machine.acts, ["reboot"]);
    assert.equal(story(world, run.id).at(-1), "0 reboot 1 begins");
    assert.match(JSON.stringify(world.agent().why()), /reboot: a disk that keeps the journal/);
    await world.kill();
    const { promise: downAgain, resolve: goDown } = Promise.withResolvers<void>();
    world.machine.onReboot = goDown;
    world.start();
    await downAgain;
    await world.kill();
    world.boot("boot-3");
    world.start();
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.deepEqual(world.machine.acts, ["reboot", "reboot"]);
  }),
);

test(
  "calls a reboot that does not happen a failure, as often as the step may be tried",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "reboot", timeoutMs: 5000, retries: 1 }]);
    world.wish([spec], "run", { run });
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 reboot 1 begins", "0 reboot 1 step_timeout"],
      ...["0 reboot 2 begins", "0 reboot 2 step_timeout"],
      "ended failed step_timeout",
    ]);
    assert.deepEqual(world.machine.acts, ["reboot", "reboot"]);
  }),
);

test(
  "a reboot that came after its try was over is no reason for another one",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "reboot", timeoutMs: 5000, retries: 3 }]);
    world.wish([spec], "run", { run });
    await world.until(
      "the end of the try",
      () => story(world, run.id).at(-1) === "0 reboot 1 step_timeout",
    );
    await world.kill();
    world.boot("boot-2");
    world.start();
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.deepEqual(world.machine.acts, ["reboot"]);
  }),
);

test(
  "wipes the device and installs what is desired anew",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "wipe" }, { kind: "installRelease" }]);
    world.wish([spec], "hold", { run });
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.ok(world.runtime.calls.includes("wipe web"));
    await world.converged(spec);
  }),
);

test(
  "leaves a device wiped for as long as the order stands",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "wipe" }]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    await world.passed(60_000);
    assert.deepEqual(await world.copies(), {});
    assert.equal(world.app()?.health, "Suspended");
    world.wish([spec]);
    await world.converged(spec);
  }),
);

test(
  "keeps new settings of the network once the hub has acknowledged an entry that went over them",
  within(async (world) => {
    const run = await applied(world);
    await world.passed(5000);
    assert.equal(story(world, run.id).at(-1), "0 configureNetwork 1 begins");
    const journal = world.journal();
    for (let batch = next(); batch !== undefined; batch = next()) {
      journal.acknowledge({ epoch: batch.epoch, seq: batch.to });
    }
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.deepEqual(world.machine.acts, ["guard", "apply dhcp", "confirm"]);

    function next() {
      return world.journal().batch({ maxEntries: 500, maxBytes: 1e6 });
    }
  }),
);

test(
  "does not wait for the hub without a guard, in the next boot either",
  within(async (world) => {
    await applied(world);
    await world.passed(2000);
    await world.kill();
    world.machine.guardLives = false;
    world.boot("boot-2");
    world.start();
    await world.until("a guard", () => world.machine.guardLives);
    assert.deepEqual(world.machine.acts, ["guard", "apply dhcp", "guard again"]);
  }),
);

test(
  "puts the former settings back when the step's time is over without the hub, and fails the run",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const step = { kind: "configureNetwork", network, confirmMs: 30_000, timeoutMs: 10_000 };
    const run = orderOf([step]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended failed step_timeout");
    assert.deepEqual(world.machine.acts, ["guard", "apply dhcp", "return"]);
  }),
);

test(
  "goes on looking for settings that must come back when their run is over",
  within(async (world) => {
    const run = await applied(world);
    await ended(world, run);
    const before = world.machine.tidied;
    await world.passed(120_000);
    assert.ok(world.machine.tidied > before);
  }),
);

test(
  "does not hurry to begin a step while the disk takes no entry of it",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const journal = world.journal();
    const { record } = journal;
    const tries: number[] = [];
    journal.record = (kind, state, entries) => {
      if (tries.length === 5 || entries.at(-1)?.kind !== "run.step.started")
        return record(kind, state, entries);
      tries.push(world.clock.monotonicMs());
      throw new FleetError("journal_unusable", { message: "the disk is full" });
    };
    const run = orderOf([{ kind: "script", app: "web", script: "a.sh" }]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    const [first = 0, last = 0] = [tries.at(1), tries.at(-1)];
    assert.ok(last - first >= 2500, `tried at ${tries.join(", ")} ms`);
  }),
);
