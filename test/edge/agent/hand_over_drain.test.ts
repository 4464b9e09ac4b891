// Old copies that are drained while the forwarder cannot say what is open.
import * as assert from "node:assert/strict";
import { createHandOver } from "#edge/agent/hand_over.ts";
import { createMemoryForwarder } from "#edge/runtime/forward/memory.ts";
import type { Clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { appInput, instance } from "#test/support/app.ts";

const test = suite("draining old copies");

async function drainedAfterMs(backends: Record<string, { host: string; port: number }>) {
  let nowMs = 0;
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => nowMs,
    sleep: async (delayMs) => {
      nowMs += delayMs;
    },
  };
  const forwarder = { ...createMemoryForwarder(), ask: async () => undefined };
  const handOver = createHandOver({ forwarder, clock, log: { warn: () => undefined } });
  await handOver.drain([instance("web", 1, "web-a", { backends })], appInput({}));
  return nowMs;
}

test("gives connections their time when nobody can tell whether they are open", async () => {
  assert.equal(await drainedAfterMs({ 80: { host: "10.0.0.1", port: 80 } }), 10_000);
});

test("waits for no copy that nothing is forwarded to", async () => {
  assert.equal(await drainedAfterMs({}), 0);
});
