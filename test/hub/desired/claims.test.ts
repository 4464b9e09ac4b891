// How long a device that claims a higher generation than the hub knows is waited for.
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { type Claims, createClaims } from "#hub/desired/claims.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/desired/claims");
const one = DeviceId.parse("pi-1");
const other = DeviceId.parse("pi-2");
const proofMs = 30_000;

interface Bench {
  claims: Claims;
  /** Devices that were looked at when their time was over. */
  looked: DeviceId[];
  claim(device: DeviceId): boolean;
  withdraw(device: DeviceId): boolean;
  /** Ends the oldest wait that is still on. */
  pass(): Promise<void>;
  waits(): number[];
  stop(): void;
}

function bench(givenMs = proofMs): Bench {
  const stopping = new AbortController();
  const sleeping: { delayMs: number; wake: () => void }[] = [];
  const looked: DeviceId[] = [];
  const clock = {
    sleep: (delayMs: number) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      sleeping.push({ delayMs, wake: resolve });
      stopping.signal.addEventListener("abort", () => resolve());
      return promise;
    },
  };
  const claims = createClaims({ clock, proofMs: givenMs, signal: stopping.signal });
  const look = async (device: DeviceId): Promise<void> => void looked.push(device);
  return {
    claims,
    looked,
    claim: (device) => claims.isOpen(device, true, look),
    withdraw: (device) => claims.isOpen(device, false, look),
    pass: async () => {
      sleeping.shift()?.wake();
      await turn();
    },
    waits: () => sleeping.map(({ delayMs }) => delayMs),
    stop: () => stopping.abort(),
  };
}

test("a device that claims nothing is not waited for", () => {
  const { withdraw, waits } = bench();
  assert.equal(withdraw(one), false);
  assert.deepEqual(waits(), []);
});

test("a claim is open until its time is over, however often it is made; then it is looked at once", async () => {
  const { claim, pass, waits, looked } = bench();
  assert.deepEqual([claim(one), claim(one), claim(one)], [true, true, true]);
  assert.deepEqual(waits(), [proofMs]);
  await pass();
  assert.equal(claim(one), false);
  assert.deepEqual(looked, [one]);
  assert.deepEqual(waits(), []);
});

test("when it is looked at the claim is over, also by a timer that is a moment early", async () => {
  const { claims, pass } = bench();
  let isOpen: boolean | undefined;
  const look = async (device: DeviceId): Promise<void> => {
    isOpen = claims.isOpen(device, true, look);
  };
  claims.isOpen(one, true, look);
  await pass();
  assert.equal(isOpen, false);
});

test("each device has a time of its own", async () => {
  const { claim, pass, looked } = bench();
  claim(one);
  claim(other);
  await pass();
  assert.deepEqual([claim(one), claim(other)], [false, true]);
  assert.deepEqual(looked, [one]);
});

test("a claim that was proved or given up is forgotten: the next has its full time", async () => {
  const { claim, withdraw, pass, waits } = bench();
  claim(one);
  withdraw(one);
  assert.equal(claim(one), true);
  assert.deepEqual(waits(), [proofMs, proofMs]);
  // The time of the first claim does not end the second.
  await pass();
  assert.equal(claim(one), true);
  await pass();
  assert.equal(claim(one), false);
});

test("without a time for proofs every claim is over at once", () => {
  const { claim, waits } = bench(0);
  assert.equal(claim(one), false);
  assert.deepEqual(waits(), []);
});

test("nobody is looked at once the hub stops", async () => {
  const { claim, stop, looked } = bench();
  claim(one);
  stop();
  await turn();
  assert.deepEqual(looked, []);
});
