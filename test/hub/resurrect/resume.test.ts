// The end of the fleet's pause: in which order everything follows again, and what keeps it paused.
import assert from "node:assert/strict";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { createResume } from "#hub/resurrect/resume.ts";
import type { SnapshotRef } from "#hub/store/memo_port.ts";
import { FleetError } from "#shared/errors.ts";
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
  resume: ReturnType<typeof createResume>;
}

/** @param fails what goes wrong, by what is done
 *  @param isEmpty no commit was accepted yet */
function bench(fails: Record<string, FleetError> = {}, isEmpty = false): Bench {
  const done: string[] = [];
  const act = async (what: string): Promise<void> => {
    const failure = fails[what];
    if (failure !== undefined) throw failure;
    done.push(what);
  };
  const resume = createResume({
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
      state: () => null,
      resumedAt: () => 0,
      begin: () => Promise.resolve(),
      end: (operator, reason) => act(`end by ${operator}: ${reason}`),
    },
    reload: () => act("reload"),
  });
  return { done, resume };
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
