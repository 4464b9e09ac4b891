// Nobody looks for a while: a silent runtime, a dead agent, a reboot.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { outcomes, removals, serving, withProbe } from "./serving.ts";
import { within } from "./world.ts";

const test = suite("the loop: out of sight");
const silent = new FleetError("runtime_unavailable", { message: "the Engine does not answer" });

test(
  "the grace period does not run while no runtime answers",
  within(async (world) => {
    await serving(world);
    let well = false;
    world.probes = () => [{ probe: "http", ok: well, detail: "starting up" }];
    const next = world.want({ letter: "b", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.runtime.fail("observe", silent);
    await world.passed(60_000);
    assert.equal(world.app()?.sync, "Unknown");
    well = true;
    world.runtime.fail("observe", undefined);
    await world.converged(next);
    assert.equal(outcomes(world), "succeeded succeeded");
  }),
);

test(
  "the grace period does run while the runtime answers, blind before or not",
  within(async (world) => {
    await serving(world);
    world.probes = (letter) => [{ probe: "http", ok: letter !== "b", detail: "starting up" }];
    const next = world.want({ letter: "b", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.runtime.fail("observe", silent);
    await world.passed(20_000);
    world.runtime.fail("observe", undefined);
    await world.ended(next, "rolledBack");
  }),
);

test(
  "touches nothing while a runtime is silent, whatever is wished",
  within(async (world) => {
    const before = await serving(world);
    world.runtime.fail("observe", silent);
    await world.until("blindness", () => world.app()?.sync === "Unknown");
    world.wish([]);
    await world.passed(60_000);
    assert.deepEqual(removals(world), []);
    world.runtime.fail("observe", undefined);
    await world.until("removal", () => removals(world).length === Object.keys(before).length);
  }),
);

for (const reboot of [false, true]) {
  test(
    `a release on trial has its time again after ${reboot ? "a reboot" : "the agent's death"}`,
    within(async (world) => {
      await serving(world);
      let well = false;
      world.probes = () => [{ probe: "http", ok: well, detail: "starting up" }];
      const next = world.want({ letter: "b", role: withProbe });
      await world.until("trial", () => world.app()?.step === "probe");
      const copies = await world.copies();
      await world.kill();
      world.clock.advance(3_600_000);
      if (reboot) world.boot("boot-2");
      well = true;
      world.start();
      await world.converged(next);
      assert.equal(outcomes(world), "succeeded succeeded");
      assert.deepEqual(await world.copies(), copies);
    }),
  );
}

test(
  "a release that takes the device down each time is rolled back in the end",
  within(async (world) => {
    await serving(world);
    world.probes = (letter) => [{ probe: "http", ok: letter === "a", detail: "starting up" }];
    await world.passed(31_000);
    const next = world.want({ letter: "b", role: withProbe });
    for (let boots = 2; boots < 12 && outcomes(world) === "succeeded"; boots += 1) {
      await world.until(
        "trial",
        () => world.app()?.step === "probe" || outcomes(world) !== "succeeded",
      );
      await world.kill();
      world.boot(`boot-${boots}`);
      world.start();
    }
    await world.ended(next, "rolledBack");
    assert.match(
      world.journal().updates({ limit: 1 })[0]?.failure?.message ?? "",
      /restarted 6 times/,
    );
  }),
);
