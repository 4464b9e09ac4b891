import * as assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { createSilence } from "#edge/guard/silence.ts";
import { suite } from "#test/suite.ts";

const test = suite("silence");

test("is told once, when nothing was heard for the limit", async () => {
  const told: number[] = [];
  const silence = createSilence((silentMs) => void told.push(silentMs));
  silence.expect(200);
  await wait(120);
  silence.heard();
  await wait(120);
  assert.deepEqual(told, []);
  while (told.length === 0) await wait(20);
  await wait(200);
  assert.equal(told.length, 1);
  assert.ok((told[0] ?? 0) >= 200);
  silence.end();
});

test("is not made of time in which the listener itself stood still", async () => {
  const told: number[] = [];
  const silence = createSilence((silentMs) => void told.push(silentMs));
  silence.expect(400);
  await wait(20);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
  await wait(60);
  assert.deepEqual(told, []);
  silence.end();
});

test("counts from the start with another limit", async () => {
  let told = 0;
  const silence = createSilence(() => {
    told += 1;
  });
  silence.expect(100);
  silence.expect(10_000);
  await wait(250);
  assert.equal(told, 0);
  silence.end();
});
