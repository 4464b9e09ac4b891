import * as assert from "node:assert/strict";
import type { Outlet } from "#edge/agent/watchdog/outlet.ts";
import { createLoopWatch } from "#edge/agent/watchdog.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { createFastClock } from "./clock.ts";

const test = suite("loop watch");
const feedEveryMs = 10_000;

function setUp() {
  const fed: string[] = [];
  const hung: string[] = [];
  const logged: unknown[] = [];
  const clock = createFastClock();
  const outlet: Outlet = {
    ready: () => undefined,
    alive: (doing) => void fed.push(doing),
    hung: (why) => void hung.push(why),
    stopping: () => undefined,
  };
  const log = { error: (detail: object) => void logged.push(detail) };
  const watch = createLoopWatch({ clock, feedEveryMs, outlets: [outlet], log });
  return { watch, clock, fed, hung, logged };
}

test("a wait of 900 s is heard all the while, and takes 900 s", async () => {
  const { watch, clock, fed } = setUp();
  const beganMs = clock.monotonicMs();
  await watch.sleep(900_000);
  assert.equal(fed.length, 90);
  assert.ok(Math.abs(clock.monotonicMs() - beganMs - 900_000) < 100);
});

test("a wait ends at once when something happens", async () => {
  const { watch, clock, fed } = setUp();
  const alarm = new AbortController();
  alarm.abort();
  const beganMs = clock.monotonicMs();
  await watch.sleep(900_000, alarm.signal);
  assert.equal(clock.monotonicMs(), beganMs);
  assert.deepEqual(fed, []);
});

test("a step beside the loop that is over its limit stops the feeding until it ends", async () => {
  const { watch, clock, fed, hung, logged } = setUp();
  const { promise, resolve } = Promise.withResolvers<string>();
  const step = watch.during("start of web", 30_000, () => promise);
  clock.advance(29_000);
  watch.enter("observe");
  assert.deepEqual(fed, ["start of web", "observe"]);
  clock.advance(2000);
  watch.enter("observe");
  await watch.sleep(60_000);
  assert.equal(fed.length, 2);
  assert.equal(new Set(hung).size, 1);
  assert.equal(hung[0], "start of web does not end");
  assert.deepEqual(logged, [{ why: "start of web does not end" }]);
  assert.equal(watch.hung(), "start of web does not end");
  resolve("done");
  assert.equal(await step, "done");
  assert.equal(watch.hung(), undefined);
  watch.enter("observe");
  assert.equal(fed.length, 3);
});

test("a step that fails is over too", async () => {
  const { watch, clock, fed } = setUp();
  await assert.rejects(watch.during("start of web", 1, () => Promise.reject(new Error("no"))));
  clock.advance(1000);
  watch.enter("observe");
  assert.deepEqual(fed, ["start of web", "observe"]);
});

test("a loop that only fails is fed until five rounds and ten minutes are over", async () => {
  const { watch, clock, fed, hung } = setUp();
  const failRounds = (count: number, eachMs: number): void => {
    for (let at = 0; at < count; at += 1) {
      clock.advance(eachMs);
      watch.failed();
      watch.enter("observe");
    }
  };
  failRounds(50, 1000);
  assert.equal(fed.length, 50);
  watch.good();
  // It slept for long, and something has woken it several times in a second.
  clock.advance(3_600_000);
  failRounds(10, 100);
  assert.equal(fed.length, 60);
  watch.good();
  failRounds(4, 900_000);
  assert.equal(fed.length, 64);
  failRounds(1, 900_000);
  assert.equal(fed.length, 64);
  assert.match(hung[0] ?? "", /^5 rounds have failed/);
  watch.good();
  watch.enter("observe");
  assert.equal(fed.length, 65);
});

test("a loop that does not come back from what it waits for is fed by nothing beside it", async () => {
  const fed: string[] = [];
  const outlet: Outlet = {
    ready: () => undefined,
    alive: (doing) => void fed.push(doing),
    hung: () => undefined,
    stopping: () => undefined,
  };
  const log = { error: () => undefined };
  const watch = createLoopWatch({ clock: systemClock, feedEveryMs: 10, outlets: [outlet], log });
  await watch.sleep(20);
  fed.length = 0;
  watch.enter("observe");
  await systemClock.sleep(200);
  assert.deepEqual(fed, ["observe"]);
});
