// The watcher alone: coalesced pokes, polls, and one event for each transition.
import assert from "node:assert/strict";
import type { Mirror } from "#hub/git/mirror.ts";
import { createGitWatcher } from "#hub/git/watch.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/git/watch");

interface SlowMirror extends Pick<Mirror, "fetch" | "heads"> {
  fetches: number;
  away: boolean;
  /** Lets the fetch under way end. */
  release(): void;
}

function createSlowMirror(): SlowMirror {
  let gate = Promise.withResolvers<void>();
  const mirror: SlowMirror = {
    fetches: 0,
    away: false,
    release: () => {
      gate.resolve();
      gate = Promise.withResolvers();
    },
    fetch: async (signal) => {
      mirror.fetches += 1;
      const aborted = new Promise<void>((resolve) =>
        signal?.addEventListener("abort", () => resolve(), { once: true }),
      );
      await Promise.race([gate.promise, aborted]);
      if (mirror.away) throw new FleetError("repository_unreachable", { message: "away" });
    },
    heads: () => Promise.resolve(new Map([["main", "c"]])),
  };
  return mirror;
}

function watching(mirror: SlowMirror, clock: Clock = systemClock, intervalMs = 3_600_000) {
  const events: string[] = [];
  let taken = 0;
  const watcher = createGitWatcher({
    mirror: mirror as SlowMirror & Mirror,
    intervalMs,
    clock,
    onHeads: () => {
      taken += 1;
      return Promise.resolve();
    },
    onEvent: ({ reason }) => {
      events.push(reason);
      return Promise.resolve();
    },
  });
  return { watcher, events, taken: () => taken };
}

test("many pokes make one fetch at a time and one more after it", async () => {
  const mirror = createSlowMirror();
  const { watcher, taken } = watching(mirror);
  const first = watcher.poke();
  const others = Array.from({ length: 20 }, () => watcher.poke());
  assert.equal(mirror.fetches, 1);
  mirror.release();
  await first;
  assert.equal(taken(), 1);
  await Promise.resolve();
  mirror.release();
  await Promise.all(others);
  assert.equal(mirror.fetches, 2);
  assert.equal(taken(), 2);
});

test("polls at its interval and tells an outage and its end once each", async () => {
  const mirror = createSlowMirror();
  const sleeps: number[] = [];
  const wakes: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: (delayMs, signal) => {
      sleeps.push(delayMs);
      return new Promise((resolve) => {
        if (signal?.aborted === true) resolve();
        wakes.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    },
  };
  const { watcher, events } = watching(mirror, clock, 5000);
  const untilAsleep = async (times: number): Promise<void> => {
    while (sleeps.length < times) await new Promise((resolve) => setImmediate(resolve));
  };
  watcher.start();
  for (const [round, away] of [false, true, true, false, false].entries()) {
    mirror.away = away;
    mirror.release();
    await untilAsleep(round + 1);
    wakes.at(-1)?.();
    while (mirror.fetches < round + 2) await new Promise((resolve) => setImmediate(resolve));
  }
  await watcher.stop();
  assert.deepEqual(events, ["RepositoryUnreachable", "RepositoryReachable"]);
  assert.ok(sleeps.every((delayMs) => delayMs === 5000));
});

test("stops at once in the middle of a fetch, without an event", async () => {
  const mirror = createSlowMirror();
  mirror.away = true;
  const { watcher, events } = watching(mirror);
  watcher.start();
  await watcher.stop();
  await watcher.poke();
  assert.equal(mirror.fetches, 1);
  assert.deepEqual(events, []);
});

test("goes on after heads could not be taken in, and says why", async () => {
  const mirror = createSlowMirror();
  let broken = true;
  const watcher = createGitWatcher({
    mirror: mirror as SlowMirror & Mirror,
    intervalMs: 1000,
    clock: systemClock,
    onHeads: () => (broken ? Promise.reject(new Error("store is away")) : Promise.resolve()),
    onEvent: () => Promise.resolve(),
  });
  const poke = async (): Promise<void> => {
    const done = watcher.poke();
    mirror.release();
    await done;
  };
  await poke();
  assert.match(watcher.status().problem?.message ?? "", /store is away/);
  broken = false;
  await poke();
  assert.equal(watcher.status().problem, undefined);
});
