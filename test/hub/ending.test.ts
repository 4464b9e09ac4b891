// The end of the hub: in order, in time, and to the end whatever a part does.
import assert from "node:assert/strict";
import { createEnding, type Stage } from "#hub/ending.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/ending");

function ending(stages: Stage[], failed: string[] = [], limitMs = 60_000) {
  const onFailed = (part: string, _code: string, why: string): void =>
    void failed.push(`${part}: ${why}`);
  return createEnding({ stages, limitMs, reserveMs: 50, onFailed });
}

test("ends stage after stage, each only once the one before has ended", async () => {
  const told: string[] = [];
  const slow = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    told.push("broker");
  };
  const end = ending([{ broker: slow }, { ingest: () => void told.push("ingest") }]);
  assert.equal(await end.run(), true);
  assert.equal(await end.run(), true);
  assert.deepEqual(told, ["broker", "ingest"]);
});

test("a part that fails is told by name and keeps no other from ending", async () => {
  const told: string[] = [];
  const failed: string[] = [];
  const reject = (): Promise<void> => Promise.reject(new Error("no answer"));
  const fail = (): void => {
    throw new Error("at once");
  };
  const end = ending([{ a: reject, b: fail }, { store: () => void told.push("store") }], failed);
  assert.equal(await end.run(), false);
  assert.deepEqual(told, ["store"]);
  assert.deepEqual(failed.toSorted(), ["a: no answer", "b: at once"]);
});

test("a part that hangs is left behind, and the others still get their time", async () => {
  const told: string[] = [];
  const failed: string[] = [];
  const hang = (): Promise<void> => new Promise(() => undefined);
  const beganMs = performance.now();
  const stages = [{ server: hang }, { store: () => void told.push("store") }];
  const end = ending(stages, failed, 400);
  assert.equal(await end.run(), false);
  assert.deepEqual(told, ["store"]);
  const [, givenMs] = /^server: it did not end within (\d+) ms$/.exec(failed[0] ?? "") ?? [];
  assert.ok(Number(givenMs) >= 50 && Number(givenMs) <= 350, failed[0]);
  assert.ok(performance.now() - beganMs < 10_000);
});
