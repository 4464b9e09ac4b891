import * as assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { JournalEntry } from "#shared/journal.ts";
import { suite } from "#test/suite.ts";
import { createWorld, type World } from "./sync_world.ts";

const test = suite("journal restored from an old copy", { limitMs: 120_000 });

const numbersOf = (entries: JournalEntry[]): number[] =>
  entries.flatMap(({ body }) => (typeof body["number"] === "number" ? [body["number"]] : []));

/** Some packets of the way go through, whichever; acknowledgements too. */
async function exchange(world: World, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    world.passTime(60);
    await turn();
    await world.deliver(i, { again: i % 3 === 0 });
    world.deliverAck(i, { again: i % 4 === 0 });
  }
}

const story = fc.record({
  before: fc.integer({ min: 0, max: 12 }),
  sentBefore: fc.integer({ min: 0, max: 8 }),
  lost: fc.integer({ min: 0, max: 12 }),
  sentLost: fc.integer({ min: 0, max: 12 }),
  isolated: fc.integer({ min: 0, max: 25 }),
  connected: fc.integer({ min: 1, max: 12 }),
  sentConnected: fc.integer({ min: 0, max: 8 }),
});

test("brings every entry of the device to the hub, under one epoch or another", async () => {
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const world = await createWorld();
      try {
        world.append(told.before, 10);
        await exchange(world, told.sentBefore);
        world.imageEdge();
        world.append(told.lost, 10);
        await exchange(world, told.sentLost);
        const had = numbersOf(await world.everOnHub());
        await world.restoreEdge();
        world.append(told.isolated, 10);
        await exchange(world, told.sentConnected);
        world.append(told.connected, 10);
        await world.quiesce();
        assert.equal(world.unacknowledged(), 0);
        const has = new Set(numbersOf(await world.everOnHub()));
        const wanted = [...had, ...numbersOf(world.onDevice())];
        assert.deepEqual(
          wanted.filter((number) => !has.has(number)),
          [],
        );
      } finally {
        await world.remove();
      }
    }),
    { numRuns: 100 },
  );
});
