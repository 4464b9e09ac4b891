import * as assert from "node:assert/strict";
import { createEnding } from "#edge/agent/ending.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("ending");

test("ends what began last first, and one after the other", async () => {
  const ended: string[] = [];
  const ending = createEnding({ error: () => assert.fail() });
  for (const part of ["lock", "journal", "loop"]) {
    ending.add(part, async () => {
      await Promise.resolve();
      ended.push(part);
    });
  }
  assert.equal(await ending.run(), true);
  assert.deepEqual(ended, ["loop", "journal", "lock"]);
});

test("a part that fails is told, and does not keep the others from ending", async () => {
  const ended: string[] = [];
  const told: unknown[] = [];
  const ending = createEnding({ error: (detail) => void told.push(detail) });
  ending.add("lock", () => void ended.push("lock"));
  ending.add("sync", () => {
    throw new FleetError("hub_unreachable", { message: "gone" });
  });
  ending.add("runtimes", () =>
    Promise.reject(new FleetError("runtime_unavailable", { message: "gone" })),
  );
  assert.equal(await ending.run(), false);
  assert.deepEqual(ended, ["lock"]);
  assert.deepEqual(
    told.map((detail) => Object.values(detail as object).slice(0, 2)),
    [
      ["runtimes", "runtime_unavailable"],
      ["sync", "hub_unreachable"],
    ],
  );
});

test("ends each part once, however often it is asked", async () => {
  let ended = 0;
  const ending = createEnding({ error: () => assert.fail() });
  ending.add("loop", () => {
    ended += 1;
  });
  await Promise.all([ending.run(), ending.run()]);
  assert.equal(ended, 1);
});

test("a part that hangs is told, and does not keep the others from ending", async () => {
  const ended: string[] = [];
  const told: unknown[] = [];
  const log = { error: (detail: object) => void told.push(Object.values(detail)) };
  const ending = createEnding(log, { partMs: 50, allMs: 1000, momentMs: 10 });
  ending.add("lock", () => void ended.push("lock"));
  ending.add("loop", () => new Promise(() => undefined));
  assert.equal(await ending.run(), false);
  assert.deepEqual(ended, ["lock"]);
  assert.deepEqual(told, [["loop", "interrupted", "it has not ended within 0.05 s"]]);
});

test("many that hang are ended together within the limit of all, and each gets its turn", async () => {
  let begun = 0;
  const ending = createEnding(
    { error: () => undefined },
    { partMs: 200, allMs: 400, momentMs: 10 },
  );
  for (let at = 0; at < 20; at += 1) {
    ending.add(`part ${at}`, () => {
      begun += 1;
      return new Promise(() => undefined);
    });
  }
  const beganMs = performance.now();
  assert.equal(await ending.run(), false);
  assert.equal(begun, 20);
  const eachInTurnMs = 20 * 200;
  assert.ok(performance.now() - beganMs < eachInTurnMs);
});
