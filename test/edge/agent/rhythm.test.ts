import * as assert from "node:assert/strict";
import { createRhythm } from "#edge/agent/rhythm.ts";
import type { Rhythm as LinkRhythm } from "#edge/sync/port.ts";
import type { DesiredState, Rhythm } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";

const test = suite("the rhythm of a device that saves power");

const own = { intervalMs: 10_000, heartbeatMs: 5000, labels: {} };

function follower() {
  const set: (LinkRhythm | undefined)[] = [];
  let wanted: Rhythm | undefined;
  let run: object | undefined;
  let tell = (): void => undefined;
  const rhythm = createRhythm({
    sync: {
      setRhythm: (given) => void set.push(given),
      onChange: (listener) => {
        tell = listener;
      },
    },
    desired: () =>
      ({
        ...(wanted === undefined ? {} : { rhythm: wanted }),
        ...(run === undefined ? {} : { run }),
      }) as DesiredState,
  });
  const want = (next: Rhythm | undefined): void => {
    wanted = next;
    tell();
  };
  const order = (next: object | undefined): void => {
    run = next;
    tell();
  };
  return { rhythm, set, want, order };
}

test("is the device's own until the hub wants another, and again when it wants none", () => {
  const { rhythm, set, want } = follower();
  rhythm.start();
  assert.deepEqual(rhythm.apply(own), own);
  want({ intervalMs: 900_000, connection: "sleep" });
  assert.deepEqual(rhythm.apply(own), { ...own, intervalMs: 900_000, heartbeatMs: 900_000 });
  want(undefined);
  assert.deepEqual(rhythm.apply(own), own);
  assert.deepEqual(set, [undefined, { pollMs: 900_000, connection: "sleep" }, undefined]);
});

test("is the device's own while a run is ordered of it", () => {
  const { rhythm, set, want, order } = follower();
  rhythm.start();
  want({ intervalMs: 3_600_000, connection: "sleep" });
  order({ id: "run00000001" });
  assert.deepEqual(rhythm.apply(own), own);
  order(undefined);
  assert.deepEqual(rhythm.apply(own), { ...own, intervalMs: 3_600_000, heartbeatMs: 3_600_000 });
  const slow = { pollMs: 3_600_000, connection: "sleep" };
  assert.deepEqual(set, [undefined, slow, undefined, slow]);
});
