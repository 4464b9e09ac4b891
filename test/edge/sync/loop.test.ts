import * as assert from "node:assert/strict";
import type { Link } from "#edge/sync/link.ts";
import { defaultLoopLimits, keepLinked } from "#edge/sync/loop.ts";
import { createWake } from "#edge/sync/wake.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("reconnect loop");

/** How long an attempt takes that nobody answers. */
const hangMs = 10_000;

/** Time that passes only by sleeping. */
function leapingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    sleep: async (ms, signal) => {
      if (!signal?.aborted) now += ms;
    },
  };
}

/** Reproducible, and even enough. */
function seeded(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0;
    return state / 2 ** 32;
  };
}

function unreachable(): FleetError {
  return new FleetError("hub_unreachable", { message: "no answer" });
}

/** @returns ms from the moment at which the network heals to the connection */
async function reconnect(random: () => number, healedMs: number): Promise<number> {
  const clock = leapingClock();
  const over = new AbortController();
  let linkedMs = 0;
  const options = {
    open: async (): Promise<Link> => {
      if (clock.monotonicMs() < healedMs) {
        // A handshake lost at the beginning is repeated after 1, 3 and 7 s; here none of it counts.
        await clock.sleep(hangMs);
        throw unreachable();
      }
      linkedMs = clock.monotonicMs();
      over.abort();
      throw unreachable();
    },
    use: async () => undefined,
    onDown: () => undefined,
    clock,
    random,
    limits: defaultLoopLimits,
    hurry: createWake(),
  };
  await keepLinked(options, over.signal);
  return linkedMs - healedMs;
}

test("is back within 25 s of any partition's end", async () => {
  const random = seeded(7);
  const tookMs: number[] = [];
  for (let i = 0; i < 1000; i++) tookMs.push(await reconnect(random, 10_000 + random() * 600_000));
  tookMs.sort((a, b) => a - b);
  assert.ok((tookMs.at(-1) ?? 0) <= 25_000, `${tookMs.at(-1)} ms at most`);
  assert.ok((tookMs[990] ?? 0) < 25_000, `${tookMs[990]} ms for 99 of 100`);
  assert.ok((tookMs[0] ?? 0) < 2000, "no jitter at all");
});

test("devices that lost their hub at one moment come back spread over their pauses", async () => {
  const random = seeded(11);
  const devices = 1000;
  const bySecond = new Map<number, number>();
  for (let device = 0; device < devices; device += 1) {
    const second = Math.floor((await reconnect(random, 120_000)) / 1000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }
  const most = Math.max(...bySecond.values());
  assert.ok(most < devices / 8, `${most} of ${devices} within one second`);
});
