// One of two runtimes is silent: what lives on the other one goes on.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { removals } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: one silent runtime");
const silent = new FleetError("runtime_unavailable", { message: "the Engine does not answer" });
const process = (letter: string): string =>
  `services:\n  job:\n    command: ["job", "${letter}"]\n    image: job:1\n    restart: always\n    x-fleet: { runtime: process }\n`;

async function bothServing(world: World) {
  const web = world.hub.spec("web", { letter: "a" });
  const other = world.hub.spec("other", { letter: "j", compose: process("a") });
  world.wish([web, other]);
  world.start();
  await world.converged(web);
  await world.converged(other);
  return { web, other };
}

test(
  "an app on the runtime that answers is repaired, updated and removed",
  within(async (world) => {
    const { web } = await bothServing(world);
    world.runtime.fail("observe", silent);
    await world.until("blindness", () => world.app("web")?.sync === "Unknown");
    assert.deepEqual(world.app("web")?.why, [
      { reason: "RuntimeNotAnswering", message: "the Engine does not answer" },
    ]);
    world.processes.change("job", 1, { state: "exited", exitCode: 1 });
    await world.until("repair", () => world.app("other")?.health === "Healthy");
    const next = world.hub.spec("other", { letter: "k", compose: process("b") });
    world.wish([web, next]);
    await world.converged(next);
    world.wish([web]);
    await world.until("removal", () => world.current("other") === undefined);
    assert.deepEqual(removals(world), []);
  }),
);

test(
  "an app of which copies are on the silent runtime is left alone, even if it is to move away from there",
  within(async (world) => {
    const { other } = await bothServing(world);
    world.runtime.fail("observe", silent);
    const moved = world.hub.spec("web", { letter: "m", compose: process("c") });
    world.wish([moved, other]);
    await world.passed(60_000);
    assert.deepEqual(removals(world), []);
    world.wish([other]);
    await world.passed(60_000);
    assert.notEqual(world.current("web"), undefined);
    world.runtime.fail("observe", undefined);
    await world.until("removal", () => world.current("web") === undefined);
    assert.equal(removals(world).length, 2);
  }),
);

test(
  "a first install on the runtime that answers does not wait for the other one",
  within(async (world) => {
    const { web, other } = await bothServing(world);
    world.runtime.fail("observe", silent);
    await world.until("blindness", () => world.app("web")?.sync === "Unknown");
    const third = world.hub.spec("third", { letter: "t", compose: process("t") });
    world.wish([web, other, third]);
    await world.converged(third);
  }),
);
