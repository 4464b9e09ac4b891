import * as assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { createQueue, serially } from "#shared/serial.ts";
import { suite } from "#test/suite.ts";

const test = suite("serial work");

test("a queue runs one task at a time, in the order in which they came", async () => {
  const queue = createQueue();
  const log: string[] = [];
  const task = (name: string) => async () => {
    log.push(`${name} begins`);
    await turn();
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([queue(task("a")), queue(task("b"))]);
  assert.deepEqual(results, ["a", "b"]);
  assert.deepEqual(log, ["a begins", "a ends", "b begins", "b ends"]);
});

test("a failed task fails its caller only", async () => {
  const queue = createQueue();
  const first = queue(() => Promise.reject(new Error("first")));
  const second = queue(() => Promise.resolve("second"));
  await assert.rejects(first, /first/);
  assert.equal(await second, "second");
});

/** A task whose runs end when they are told to. */
function controlled() {
  const runs: PromiseWithResolvers<void>[] = [];
  const run = serially(() => {
    const made = Promise.withResolvers<void>();
    runs.push(made);
    return made.promise;
  });
  return { run, runs };
}

test("calls during a run share one more run after it", async () => {
  const { run, runs } = controlled();
  const first = run();
  assert.equal(runs.length, 1, "it begins at once");
  const second = run();
  assert.notEqual(second, first);
  assert.equal(run(), second);
  await turn();
  assert.equal(runs.length, 1, "never two at once");
  runs[0]?.resolve();
  await first;
  await turn();
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await second;
  assert.equal(runs.length, 2);
});

test("a failed run fails its callers only", async () => {
  const { run, runs } = controlled();
  const first = run();
  const second = run();
  runs[0]?.reject(new Error("first"));
  await assert.rejects(first, /first/);
  await turn();
  runs[1]?.resolve();
  await second;
});
