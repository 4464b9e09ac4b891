// Whatever is wished, fails and dies in whatever order: the device ends at the last good wish.
import * as assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import type { FailingCall } from "#edge/runtime/memory.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { serving, withProbe } from "./serving.ts";
import { createWorld, type World } from "./world.ts";

const test = suite("the loop: anything", { limitMs: 480_000 });

type Act = { run: (world: World) => Promise<void> | void; toString(): string };

/** Good ones, and one for each stage at which a release can fail. */
const letters = ["a", "b", "c", "exits", "fails", "sick"];

const wishing: fc.Arbitrary<Act> = fc
  .tuple(fc.constantFrom(...letters), fc.integer({ min: 0, max: 1 }))
  .map(([letter, value]) => ({
    run: (world) => void world.want({ letter, role: withProbe, values: { V: String(value) } }),
    toString: () => `want(${letter}${value})`,
  }));

const passing: fc.Arbitrary<Act> = fc.constantFrom(1, 300, 900, 4000).map((ms) => ({
  run: (world) => world.passed(ms),
  toString: () => `passed(${ms})`,
}));

const rounds: fc.Arbitrary<Act> = fc.integer({ min: 0, max: 12 }).map((ms) => ({
  run: () => wait(ms),
  toString: () => `wait(${ms})`,
}));

const killing: fc.Arbitrary<Act> = fc
  .tuple(fc.integer({ min: 0, max: 120 }), fc.boolean())
  .map(([calls, reboots]) => ({
    run: async (world) => {
      await world.kill(calls);
      if (reboots) world.boot(`boot-${calls}`);
      world.start();
    },
    toString: () => `kill(after ${calls}${reboots ? ", reboot" : ""})`,
  }));

const failing: fc.Arbitrary<Act> = fc
  .constantFrom<FailingCall>("pull", "check", "prepare", "observe", "remove")
  .map((call) => ({
    run: async (world) => {
      world.runtime.fail(call, new FleetError("runtime_timeout", { message: `${call} timed out` }));
      await world.passed(900);
      world.runtime.fail(call, undefined);
    },
    toString: () => `failing(${call})`,
  }));

const outage: fc.Arbitrary<Act> = fc.constantFrom(503, 200).map((status) => ({
  run: async (world) => {
    world.hub.misbehave(() => new Response("no bundle", { status }));
    await world.passed(900);
    world.hub.misbehave(undefined);
  },
  toString: () => `outage(${status})`,
}));

const sequences = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: wishing },
    { weight: 4, arbitrary: passing },
    { weight: 4, arbitrary: rounds },
    { weight: 3, arbitrary: failing },
    { weight: 1, arbitrary: outage },
    { weight: 3, arbitrary: killing },
  ),
  { minLength: 3, maxLength: 12 },
);

async function prepared(): Promise<World> {
  const world = createWorld();
  world.behave("exits", { kind: "exits", code: 2 });
  world.behave("fails", {
    kind: "fails",
    error: new FleetError("start_failed", { message: "no" }),
  });
  world.probes = (letter) => [{ probe: "http", ok: letter !== "sick", detail: "answered 500" }];
  world.validate = ({ spec }) => wait(spec.values["V"] === "1" ? 5 : 0);
  return world;
}

/** Each attempt ends once, and one that failed says why. */
function assertJournal(world: World): void {
  const ids = (kind: "update.started" | "update.finished"): string[] =>
    world
      .journal()
      .entries({ kinds: [kind], limit: 1000 })
      .map(({ body }) => String(body["attempt"]))
      .toSorted();
  assert.deepEqual(ids("update.finished"), ids("update.started"));
  for (const { outcome, failure } of world.journal().updates({ limit: 1000 })) {
    if (outcome !== "refused" && outcome !== "rolledBack") continue;
    assert.notEqual(failure?.message ?? "the update failed", "the update failed");
  }
}

/** A release that failed for good was tried once. */
function assertQuarantine(world: World): void {
  const failed = world
    .journal()
    .updates({ limit: 1000 })
    .filter(({ outcome }) => outcome === "refused" || outcome === "rolledBack")
    .map(({ revision }) => revision);
  assert.equal(new Set(failed).size, failed.length, "a quarantined release was tried again");
}

async function play(world: World, acts: readonly Act[]): Promise<void> {
  const before = await serving(world);
  for (const act of acts) await act.run(world);
  const last = world.hub.spec("web", { letter: "last", role: withProbe });
  // Whatever came before may have led into safe mode.
  world.wish([last], "run", { retry: 1 });
  await world.converged(last);
  await world.until("an end", () => world.journal().openAttempts().length === 0);
  assert.equal((await world.copies())["db.1"], before["db.1"], "a healthy copy was replaced");
  assert.ok(!world.runtime.calls.includes("remove web/db.1"), "a healthy copy was stopped");
  assert.deepEqual(Object.keys(await world.copies()).sort(), ["db.1", "web.1"]);
  assert.deepEqual(world.faults, []);
  assertJournal(world);
  assertQuarantine(world);
}

test("ends at the last good wish, whatever came before", () =>
  fc.assert(
    fc.asyncProperty(sequences, async (acts) => {
      const world = await prepared();
      try {
        await play(world, acts);
      } finally {
        await world.close();
      }
    }),
    { numRuns: Number(process.env["FLEET_PROPERTY_RUNS"] ?? 40) },
  ));
