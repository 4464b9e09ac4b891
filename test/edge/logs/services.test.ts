// Which copies of services are followed, and that each is followed once.
import * as assert from "node:assert/strict";
import { followServices } from "#edge/logs/services.ts";
import type { LogBatch, LogFollow, ObservedInstance } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import { AppName } from "#shared/ids.ts";
import type { RuntimeName } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";

const test = suite("output of services");

interface Bench {
  /** Ids of the copies of one service that stand under one configuration, as they are now. */
  ids: string[];
  followed: string[];
}

/** A runtime whose copies are what the bench says; following one says its id and goes on. */
function runtimeOf(name: RuntimeName, bench: Bench, signal: AbortSignal) {
  const seenOf = (id: string) =>
    ({ app: "robots", service: "arm", index: 1, configHash: "c", id }) as ObservedInstance;
  async function* more(): AsyncGenerator<LogBatch> {
    yield await new Promise<never>((_, reject) => signal.addEventListener("abort", reject));
  }
  return {
    name,
    observe: async () => bench.ids.map(seenOf),
    follow: async ({ id }: ObservedInstance): Promise<LogFollow> => {
      bench.followed.push(id);
      return { last: [{ at: 1, stream: "stdout", text: `hello of ${id}` }], more: more() };
    },
  };
}

/** Ids that were followed when the service's copy stood under each of these in turn. */
async function followedOf(name: RuntimeName, ids: string[]): Promise<string[]> {
  const stopping = new AbortController();
  const bench: Bench = { ids: [], followed: [] };
  const looks = Promise.withResolvers<void>();
  const clock = {
    ...systemClock,
    sleep: async (): Promise<void> => {
      await new Promise(setImmediate);
      const next = ids.shift();
      if (next === undefined) looks.resolve();
      bench.ids = [next ?? bench.ids[0] ?? ""];
    },
  };
  const runtimes = [runtimeOf(name, bench, stopping.signal)];
  const which = { app: AppName.parse("robots") };
  const wanted = { tail: 10, follow: true, signal: stopping.signal };
  const reading = (async () => {
    for await (const _ of followServices({ runtimes, clock }, which, wanted));
  })();
  await looks.promise;
  stopping.abort();
  await reading;
  return bench.followed;
}

test("a process is followed once, before and after it has a process id, and over its runs", async () => {
  assert.deepEqual(await followedOf("process", ["0", "4711", "4711", "4712"]), ["0"]);
});

test("a container that takes another's place is followed as well", async () => {
  assert.deepEqual(await followedOf("docker", ["c1", "c1", "c2"]), ["c1", "c2"]);
});
