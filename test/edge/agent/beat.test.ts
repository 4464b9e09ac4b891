// What a heartbeat says of generations around a restart of the agent.
import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { serving } from "./serving.ts";
import { within } from "./world.ts";

const test = suite("the heartbeat of a restarted agent");

test(
  "says what an earlier start has seen until a round of its own has seen more",
  within(async (world) => {
    await serving(world);
    await world.stop();
    world.start();
    const { generation } = world.agent().beat();
    assert.ok(generation > 0);
    const spec = world.want({ letter: "b" });
    assert.equal(world.agent().beat().generation, generation);
    await world.converged(spec);
    assert.equal(world.agent().beat().generation, generation + 1);
    const told = world.reports.map(({ observedGeneration }) => observedGeneration);
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
  }),
);
