import * as assert from "node:assert/strict";
import {
  decideSafeMode,
  inNoSafeMode,
  recentStarts,
  type SafeCause,
  type SafeFacts,
  type SafeState,
} from "#edge/plan/safe_mode.ts";
import type { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("safe mode");
const MB = 1_000_000;

/** `w-` web failed, `w+` it succeeded, `w~` it was superseded; the newest first. */
function finished(text: string): SafeFacts["finished"] {
  const outcomes = { "-": "rolledBack", "+": "succeeded", "~": "superseded" } as const;
  const words = text.split(" ").filter((word) => word !== "");
  return words.map((word, at) => ({
    attempt: `${words.length - at}`,
    app: word.slice(0, -1) as AppName,
    outcome: outcomes[word.slice(-1) as keyof typeof outcomes],
  }));
}

function facts(more: Partial<SafeFacts> = {}): SafeFacts {
  return { wallMs: 5000, hubMode: "run", finished: [], failedStarts: 0, ...more };
}

const disk = (freeMb: number) => ({ freeBytes: freeMb * MB, reserveBytes: 200 * MB });

function inSafeMode(cause: SafeCause, more: Partial<SafeState> = {}): SafeState {
  return { entered: { cause, message: "because", since: 1 }, suspended: [], ...more };
}

const entries: [when: string, facts: Partial<SafeFacts>, cause: SafeCause | undefined][] = [
  ["nothing is wrong", {}, undefined],
  ["two updates failed", { finished: finished("w- w-") }, undefined],
  ["three updates of one app failed", { finished: finished("w- w- w-") }, "failedUpdates"],
  ["three updates of three apps failed", { finished: finished("a- b- c-") }, "failedUpdates"],
  ["a good one came between", { finished: finished("w- w- w+ w-") }, undefined],
  ["a superseded one came between", { finished: finished("w- w~ w- w-") }, "failedUpdates"],
  [
    "three of one app failed while another one was updated well",
    { finished: finished("w- a+ w- a+ w-") },
    "failedUpdates",
  ],
  ["the last update went well", { finished: finished("w+ w- w- w-") }, undefined],
  ["the agent started four times in vain", { failedStarts: 4 }, undefined],
  ["the agent started five times in vain", { failedStarts: 5 }, "bootLoop"],
  ["the disk is low", { disk: disk(25) }, undefined],
  ["the disk is full", { disk: disk(19) }, "diskFull"],
  ["a reserve of nothing is still kept", { disk: { freeBytes: 1e5, reserveBytes: 0 } }, "diskFull"],
  ["nothing can be kept", { volatile: "read-only" }, "journal"],
  ["the hub says so", { hubMode: "safe" }, "hub"],
  ["the hub only holds", { hubMode: "hold" }, undefined],
  ["somebody says so", { order: { kind: "enter", reason: "repair" } }, "hand"],
];

for (const [when, given, cause] of entries) {
  test(`${cause === undefined ? "stays out" : `enters by ${cause}`} when ${when}`, () => {
    const { state, event } = decideSafeMode(inNoSafeMode, facts(given));
    assert.equal(state.entered?.cause, cause);
    assert.equal(event?.reason, cause === undefined ? undefined : "SafeModeEntered");
  });
}

const stays: [cause: SafeCause, facts: Partial<SafeFacts>, left: boolean][] = [
  ["diskFull", { disk: disk(50) }, false],
  ["diskFull", { disk: disk(101) }, true],
  ["diskFull", {}, false],
  ["hub", { hubMode: "safe" }, false],
  ["hub", { hubMode: "run" }, true],
  ["journal", { volatile: "read-only" }, false],
  ["journal", {}, true],
  ["failedUpdates", { finished: finished("w+") }, false],
  ["bootLoop", {}, false],
  ["hand", {}, false],
  ["hand", { order: { kind: "leave" } }, true],
  ["hand", { order: { kind: "again" } }, true],
  ["failedUpdates", { order: { kind: "leave" }, finished: finished("w- w- w-") }, true],
  ["failedUpdates", { order: { kind: "again" }, finished: finished("w- w- w-") }, true],
  ["bootLoop", { order: { kind: "leave" }, failedStarts: 5 }, true],
  ["diskFull", { order: { kind: "leave" }, disk: disk(3) }, false],
];

for (const [cause, given, isLeft] of stays) {
  test(`${cause} ${isLeft ? "ends" : "stays"}: ${JSON.stringify(given)}`, () => {
    const { state, event } = decideSafeMode(inSafeMode(cause), facts(given));
    assert.equal(state.entered === undefined, isLeft);
    assert.equal(event?.reason, isLeft ? "SafeModeLeft" : undefined);
  });
}

test("says it once, and keeps the first words and the time", () => {
  const first = decideSafeMode(inNoSafeMode, facts({ disk: disk(19) }));
  const second = decideSafeMode(first.state, facts({ disk: disk(18), wallMs: 9000 }));
  assert.equal(second.event, undefined);
  assert.deepEqual(second.state, first.state);
  assert.match(first.event?.message ?? "", /the disk is full: 19\.0 MB are free, and 200\.0 MB/);
});

test("what a person or the fleet forgave does not count again, what fails afterwards does", () => {
  const old = finished("w- w- w-");
  const left = decideSafeMode(
    inSafeMode("failedUpdates"),
    facts({ finished: old, order: { kind: "again" } }),
  ).state;
  assert.equal(decideSafeMode(left, facts({ finished: old })).state.entered, undefined);
  const more = (text: string) =>
    finished(`${text} w- w- w-`).map((one, at, all) => ({ ...one, attempt: `${all.length - at}` }));
  assert.equal(decideSafeMode(left, facts({ finished: more("w- w-") })).state.entered, undefined);
  const again = decideSafeMode(left, facts({ finished: more("w- w- w-") }));
  assert.equal(again.state.entered?.cause, "failedUpdates");
});

test("by hand stays when what came before it passes", () => {
  const order = { kind: "enter", reason: "I look after it" } as const;
  const before = inSafeMode("hub");
  const { state, event } = decideSafeMode(before, facts({ hubMode: "safe", order }));
  assert.deepEqual([state.entered?.cause, state.entered?.since], ["hand", 1]);
  assert.equal(event?.reason, "SafeModeCauseChanged");
  assert.equal(decideSafeMode(state, facts()).state.entered?.cause, "hand");
});

test("lets what was suspended run again when it is left, and not before", () => {
  const suspended = ["web" as AppName];
  const before = inSafeMode("hub", { suspended });
  assert.deepEqual(decideSafeMode(before, facts({ hubMode: "safe" })).state.suspended, suspended);
  assert.deepEqual(decideSafeMode(before, facts()).state.suspended, []);
});

test("tells the words of the way out and of the way in", () => {
  const { event } = decideSafeMode(inSafeMode("diskFull"), facts({ disk: disk(150) }));
  assert.equal(event?.message, "the disk has room again; it was entered because: because");
});

const now = { bootId: "b", monotonicMs: 100_000, at: 1_800_000_000_000 };
const minutes = (count: number): number => count * 60_000;

for (const [what, start, counts] of [
  ["seconds ago", { ...now, monotonicMs: 50_000 }, true],
  ["eleven minutes ago in this boot", { ...now, monotonicMs: 100_000 - minutes(11) }, false],
  ["in the boot before", { ...now, bootId: "a", at: now.at - minutes(2) }, true],
  ["an hour ago by a clock that was set", { ...now, bootId: "a", at: now.at - minutes(60) }, false],
  ["in 1970 by a clock that was not set", { ...now, bootId: "a", at: minutes(1) }, true],
  ["in the future by a clock that was set back", { ...now, bootId: "a", at: now.at + 9e9 }, true],
] as const) {
  test(`a start ${what} ${counts ? "counts" : "does not count"}`, () => {
    assert.equal(recentStarts([start], now).length, counts ? 1 : 0);
  });
}

test("a start before a boot that is long ago does not count, whatever the clocks say", () => {
  const late = { ...now, monotonicMs: minutes(11) };
  assert.deepEqual(recentStarts([{ ...now, bootId: "a" }], late), []);
});
