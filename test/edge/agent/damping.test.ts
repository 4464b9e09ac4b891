// What keeps drifting is damped; what was stopped as it should is no drift.
import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { events } from "./safely.ts";
import { serving } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: damping");

const drifts = (world: World): string[] =>
  world
    .journal()
    .entries({ kinds: ["drift.found", "drift.repaired"], limit: 200 })
    .map(({ kind }) => kind)
    .toReversed();
const starts = (world: World, service: string): number =>
  world.runtime.calls.filter((call) => call === `start web/${service}.1`).length;
const kill = (world: World, service: string): void =>
  world.runtime.change(service, 1, { state: "exited", exitCode: 137 });

/** Somebody stops the copy again as soon as it runs. */
async function fightOver(world: World, service: string, ms: number): Promise<number> {
  const before = starts(world, service);
  const until = world.clock.monotonicMs() + ms;
  while (world.clock.monotonicMs() < until) {
    const now = starts(world, service);
    kill(world, service);
    await world.until("a repair, or the end", () => {
      return starts(world, service) > now || world.clock.monotonicMs() >= until;
    });
    await world.passed(400);
  }
  return starts(world, service) - before;
}

test(
  "a service that drifts again soon after each repair is repaired ever more rarely, the others at once",
  within(async (world) => {
    await serving(world);
    const repairs = await fightOver(world, "web", 3_600_000);
    assert.ok(repairs >= 6 && repairs <= 12, `${repairs} repairs in an hour`);
    assert.deepEqual(events(world, "RepairDamped"), ["RepairDamped"]);
    await world.until("damping", () => world.app()?.why?.[0]?.reason === "RepairDamped");
    kill(world, "db");
    const from = world.clock.monotonicMs();
    await world.until("db", () => starts(world, "db") === 2);
    assert.ok(world.clock.monotonicMs() - from < 2000);
  }),
);

test(
  "the first repair is done at once, and so is one after an hour of peace",
  within(async (world) => {
    await serving(world);
    await fightOver(world, "web", 120_000);
    await world.until("peace", () => world.app()?.health === "Healthy");
    await world.passed(3_700_000);
    const from = world.clock.monotonicMs();
    kill(world, "web");
    await world.until("repair", () => world.app()?.health === "Healthy");
    assert.ok(world.clock.monotonicMs() - from < 2000);
  }),
);

test(
  "damping outlives the agent, but not a new release",
  within(async (world) => {
    await serving(world);
    await fightOver(world, "web", 600_000);
    kill(world, "web");
    await world.until("damping", () => world.app()?.why?.[0]?.reason === "RepairDamped");
    await world.kill();
    world.start();
    await world.until("damping again", () => world.app()?.why?.[0]?.reason === "RepairDamped");
    const next = world.want({ letter: "b" });
    await world.converged(next);
    const from = world.clock.monotonicMs();
    kill(world, "web");
    await world.until("repair", () => world.app()?.health === "Healthy");
    assert.ok(world.clock.monotonicMs() - from < 2000);
  }),
);

test(
  "the first start after an orderly stop, or a boot, is no drift; after a kill it is",
  within(async (world) => {
    const begin = async (): Promise<void> => {
      world.start();
      await world.until("health", () => world.app()?.health === "Healthy");
      await world.passed(1000);
    };
    await serving(world);
    await world.stop();
    for (const instance of await world.runtime.observe()) await world.runtime.remove(instance);
    await begin();
    assert.deepEqual(drifts(world), []);
    await world.kill();
    world.boot("boot-2");
    for (const instance of await world.runtime.observe()) await world.runtime.remove(instance);
    await begin();
    assert.deepEqual(drifts(world), []);
    await world.kill();
    for (const instance of await world.runtime.observe()) await world.runtime.remove(instance);
    await begin();
    assert.deepEqual(drifts(world), ["drift.found", "drift.repaired"]);
    kill(world, "web");
    await world.until("repair", () => drifts(world).length === 4);
  }),
);
