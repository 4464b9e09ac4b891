import * as assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { createSeats } from "#scripts/faults/seats.ts";
import { suite } from "#test/suite.ts";

const test = suite("devices that tries share");

/** Tries by name, which end when they are told to. */
function world(count: number) {
  const seats = createSeats(count);
  const inside = new Map<string, { seat: number; end: () => void }>();
  const enter = async (name: string, wants: "one" | "all"): Promise<void> => {
    await seats.take(wants, async (seat) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      inside.set(name, { seat, end: resolve });
      await promise;
      inside.delete(name);
    });
  };
  const leave = async (name: string): Promise<void> => {
    inside.get(name)?.end();
    await turn();
  };
  return { inside, enter, leave };
}

test("as many tries as there are devices are made at once, each on a device of its own", async () => {
  const { inside, enter, leave } = world(2);
  const all = ["a", "b", "c"].map((name) => enter(name, "one"));
  await turn();
  assert.deepEqual([...inside.keys()], ["a", "b"]);
  assert.deepEqual(new Set([...inside.values()].map(({ seat }) => seat)), new Set([0, 1]));
  await leave("a");
  assert.deepEqual([...inside.keys()], ["b", "c"]);
  assert.equal(inside.get("c")?.seat, 0);
  await leave("b");
  await leave("c");
  await Promise.all(all);
});

test("who wants the world for itself waits for the others, and nobody passes it", async () => {
  const { inside, enter, leave } = world(3);
  const all = [enter("a", "one"), enter("hub", "all"), enter("b", "one")];
  await turn();
  assert.deepEqual([...inside.keys()], ["a"]);
  await leave("a");
  assert.deepEqual([...inside.keys()], ["hub"]);
  await leave("hub");
  assert.deepEqual([...inside.keys()], ["b"]);
  await leave("b");
  await Promise.all(all);
});

test("a try that throws gives its device back", async () => {
  const seats = createSeats(1);
  const fails = seats.take("one", () => Promise.reject(new TypeError("no")));
  await assert.rejects(fails, /no/);
  assert.equal(await seats.take("all", (seat) => Promise.resolve(seat)), 0);
});
