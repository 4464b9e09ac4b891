import * as assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { suite } from "#test/suite.ts";
import { createWorld, type World } from "./sync_world.ts";

const test = suite("journal sync", { limitMs: 120_000 });

type Act = (world: World) => void | Promise<void>;

/** Prints as its name, so that a failing interleaving reads as a story. */
function act(name: string, run: Act): fc.Arbitrary<{ run: Act; toString(): string }> {
  return fc.constant({ run, toString: () => name });
}

const some = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most });

function numbered(name: string, run: (world: World, n: number) => void | Promise<void>) {
  return some(3).map((n) => ({
    run: (world: World) => run(world, n),
    toString: () => `${name}(${n})`,
  }));
}

const appending = fc.tuple(some(9), fc.constantFrom(0, 100, 2000)).map(([count, size]) => ({
  run: (world: World) => world.append(count, size),
  toString: () => `append(${count} of ${size})`,
}));

const acts = fc.oneof(
  { weight: 6, arbitrary: appending },
  { weight: 8, arbitrary: numbered("deliver", (w, n) => w.deliver(n, { again: false })) },
  { weight: 2, arbitrary: numbered("duplicate", (w, n) => w.deliver(n, { again: true })) },
  { weight: 2, arbitrary: numbered("drop", (w, n) => w.drop(n)) },
  { weight: 8, arbitrary: numbered("deliverAck", (w, n) => w.deliverAck(n, { again: false })) },
  { weight: 2, arbitrary: numbered("duplicateAck", (w, n) => w.deliverAck(n, { again: true })) },
  { weight: 2, arbitrary: numbered("dropAck", (w, n) => w.dropAck(n)) },
  { weight: 4, arbitrary: act("coalesced", (w) => w.passTime(60)) },
  { weight: 3, arbitrary: act("timedOut", (w) => w.passTime(100_000)) },
  { weight: 2, arbitrary: act("reconnect", (w) => w.reconnect()) },
  { weight: 2, arbitrary: act("killEdge", (w) => w.killEdge()) },
  { weight: 1, arbitrary: act("killHub", (w) => w.killHub()) },
  { weight: 1, arbitrary: act("backUpHub", (w) => w.backUpHub()) },
  { weight: 2, arbitrary: act("restoreHub", (w) => w.restoreHub()) },
);

async function play(story: { run: Act }[]): Promise<void> {
  const world = await createWorld();
  try {
    for (const { run } of story) {
      await run(world);
      await turn();
      const { believed, claimed } = world.marks();
      assert.ok(believed <= claimed, "an entry counts as acknowledged that the hub never had");
    }
    await world.quiesce();
    assert.deepEqual(await world.onHub(), world.onDevice());
    assert.equal(world.unacknowledged(), 0);
  } finally {
    await world.remove();
  }
}

test("brings every entry to the hub once and in order, whatever is lost, doubled or killed", async () => {
  await fc.assert(fc.asyncProperty(fc.array(acts, { minLength: 5, maxLength: 40 }), play), {
    numRuns: 120,
  });
});

test("sends everything again to a hub that was restored from an older copy", async () => {
  const world = await createWorld();
  const settle = (): Promise<void> => world.quiesce();
  try {
    world.append(10, 10);
    await settle();
    await world.backUpHub();
    world.append(15, 10);
    await settle();
    assert.equal((await world.onHub()).length, 25);
    await world.restoreHub();
    assert.equal((await world.onHub()).length, 10);
    await settle();
    assert.deepEqual(await world.onHub(), world.onDevice());
  } finally {
    await world.remove();
  }
});

test("fails when entries do not arrive: the comparison itself works", async () => {
  const world = await createWorld();
  try {
    world.append(3, 10);
    await turn();
    assert.notDeepEqual(await world.onHub(), world.onDevice());
    assert.equal(world.unacknowledged(), 3);
  } finally {
    await world.remove();
  }
});
