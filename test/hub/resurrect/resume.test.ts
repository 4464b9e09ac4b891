// The end of the fleet's pause: in which order everything follows again, and what keeps it paused.
import assert from "node:assert/strict";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { createResume, type Resume } from "#hub/resurrect/resume.ts";
import type { Pause, SnapshotRef } from "#hub/store/memo_port.ts";
import { FleetError } from "#shared/errors.ts";
import { createManualClock, type ManualClock } from "#test/hub/ingest/manual.ts";
import { suite } from "#test/suite.ts";

const test = suite("the end of the fleet's pause");
const order = { operator: "ada", reason: "all are back", isForced: false };
const fleet: FleetSnapshot = { defaultBranch: "main", branches: {} };
const ref = (id: string, place: number): SnapshotRef => ({
  ...{ id, place, defaultBranch: "main" },
  branches: { main: id },
});

interface Bench {
  /** What was done, in order. */
  done: string[];
  resume: Resume["order"];
  stop: Resume["stop"];
  clock: ManualClock;
  /** What was said to have failed. */
  failed: unknown[];
  /** What goes wrong; a test may mend it. */
  fails: Record<string, FleetError>;
  pauseAgain(): void;
}

/** @param fails what goes wrong, by what is done
 *  @param isEmpty no commit was accepted yet */
function bench(fails: Record<string, FleetError> = {}, isEmpty = false): Bench {
  const done: string[] = [];
  const failed: unknown[] = [];
  const clock = createManualClock();
  let state: Pause | null = null;
  const act = async (what: string): Promise<void> => {
    const failure = fails[what];
    if (failure !== undefined) throw failure;
    done.push(what);
  };
  const { order: resume, stop } = createResume({
    store: {
      snapshot: async (id) => (id === "known" ? fleet : null),
      keepSnapshot: ({ id, place }) => act(`keep ${id} at ${place}`),
    },
    releases: {
      snapshot: () => (isEmpty ? undefined : fleet),
      snapshotOf: async (_branch, { main }) => {
        await act(`read ${main}`);
        return fleet;
      },
    },
    rollouts: { follow: () => act("follow") },
    desired: { reconcile: () => act("reconcile") },
    memos: {
      snapshots: () => [ref("known", 1), ref("second", 2), ref("third", 3)],
      refresh: () => act("memos"),
    },
    pause: {
      start: () => Promise.resolve(),
      state: () => state,
      resumedAt: () => 0,
      begin: () => Promise.resolve(),
      end: (operator, reason) => act(`end by ${operator}: ${reason}`),
    },
    reload: () => act("reload"),
    clock,
    onFailed: (error) => void failed.push(error),
  });
  const pauseAgain = (): void => {
    state = { cause: "restored", reason: "again", at: 1 };
  };
  return { done, resume, stop, clock, failed, fails, pauseAgain };
}

const rebuilt = ["read second", "keep second at 2", "read third", "keep third at 3"];
const ended = "end by ada: all are back";
const gone = new FleetError("not_found", { message: "commit second is gone" });

test("first what rollouts rest on is read from Git, then the pause ends, then all follow", async () => {
  const { done, resume } = bench();
  await resume(order);
  assert.deepEqual(done, [...rebuilt, ended, "reload", "follow", "memos"]);
});

test("before the first accepted commit there is nothing to follow, and devices are looked at", async () => {
  const { done, resume } = bench({}, true);
  await resume(order);
  assert.deepEqual(done.slice(rebuilt.length), [ended, "reload", "reconcile", "memos"]);
});

test("a commit that is gone keeps the pause and is named; by force it is done without", async () => {
  const refused = bench({ "read second": gone });
  await assert.rejects(refused.resume(order), (error: FleetError) => {
    assert.deepEqual(
      [error.code, /commit second is gone/.test(error.message)],
      ["state_conflict", true],
    );
    return true;
  });
  assert.deepEqual(refused.done, ["read third", "keep third at 3"]);
  const forced = bench({ "read second": gone });
  await forced.resume({ ...order, isForced: true });
  assert.deepEqual(forced.done.slice(2), [ended, "reload", "follow", "memos"]);
});

test("a repository that cannot be read now is no commit that is gone: force does not go over it", async () => {
  const away = new FleetError("repository_unreachable", { message: "no route to host" });
  const { done, resume } = bench({ "read second": away });
  await assert.rejects(resume({ ...order, isForced: true }), { code: "repository_unreachable" });
  assert.deepEqual(done, []);
});

test("a fleet that is not paused is not set in motion by the word", async () => {
  const not = new FleetError("state_conflict", { message: "the fleet is not paused" });
  const { done, resume } = bench({ [ended]: not });
  await assert.rejects(resume(order), { code: "state_conflict" });
  assert.deepEqual(done, rebuilt);
});

test("a pause whose end is stored is over: what then fails is tried until it has gone well", async () => {
  const unavailable = new FleetError("store_unavailable", { message: "the store is locked" });
  const { done, resume, stop, clock, failed, fails } = bench({ follow: unavailable });
  await resume(order);
  assert.deepEqual(done, [...rebuilt, ended, "reload"]);
  await clock.advance(5000);
  assert.deepEqual(failed, [unavailable, unavailable]);
  delete fails["follow"];
  await clock.advance(60_000);
  assert.deepEqual(done.slice(-3), ["reload", "follow", "memos"]);
  assert.equal(done.filter((what) => what === "follow").length, 1);
  await stop();
});

test("a fleet that is paused again is not followed by the word from before", async () => {
  const unavailable = new FleetError("store_unavailable", { message: "the store is locked" });
  const { done, resume, stop, clock, pauseAgain } = bench({ reload: unavailable });
  await resume(order);
  pauseAgain();
  await clock.advance(60_000);
  assert.deepEqual(done, [...rebuilt, ended]);
  await stop();
});
