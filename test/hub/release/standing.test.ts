// Accepted commits that cannot be taken up again: what stands for them, what is told, and what is tried again.
import assert from "node:assert/strict";
import { createBus } from "#hub/bus.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import type { BranchDraft, Drafter } from "#hub/release/draft.ts";
import type { BranchSnapshot } from "#hub/release/model.ts";
import { createStanding, type Standing } from "#hub/release/standing.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/release/standing");
const commit = "a".repeat(40);
const snapshot: BranchSnapshot = {
  ...{ branch: "main", commit, values: {}, deployments: [], sites: {}, devices: {}, roles: {} },
};
const whole: BranchDraft = { snapshot, roles: new Map(), locate: () => ({ file: "fleet.yaml" }) };

interface Bench {
  standing: Standing;
  /** What reading the commit gives from now on. */
  reads(result: BranchDraft | FleetError): void;
  told(): Promise<string[]>;
  distrusted(): boolean;
}

/** The store has followed `main`, and the hub has started since. */
async function withStanding(body: (bench: Bench) => Promise<void>): Promise<void> {
  const store = await openStore({ file: ":memory:" });
  const clock = { now: () => 5 };
  let result: BranchDraft | FleetError = whole;
  let isDistrusted = false;
  const drafter: Drafter = {
    draft: () => (result instanceof FleetError ? Promise.reject(result) : Promise.resolve(result)),
  };
  const mirror = {
    has: () => Promise.resolve(true),
    keep: () => Promise.resolve(),
    distrust: () => {
      isDistrusted = true;
    },
  };
  const announce = createAnnouncer({ store, bus: createBus(), clock: clock as never });
  try {
    const row = { branch: "main", head: commit, accepted: commit, refusal: null, checkedAt: 1 };
    await store.saveBranch(row);
    const fleet = { defaultBranch: "main", branches: { main: snapshot } };
    const none = { begun: [], ended: [], events: [], now: 1 };
    await store.followFleet({ snapshot: { id: "one", fleet }, ...none });
    await body({
      standing: createStanding({ mirror, drafter, store, announce, clock }),
      reads: (next) => {
        result = next;
      },
      told: async () => {
        const { rows } = await store.events({ limit: 10, afterId: 0 });
        return rows.map(({ reason, message }) => `${reason}: ${message}`);
      },
      distrusted: () => isDistrusted,
    });
  } finally {
    await store.close();
  }
}

const stands = ({ standing }: Bench): string => {
  const draft = standing.drafts.get("main");
  return `${draft?.snapshot.commit.slice(0, 4)} ${draft?.isKept === true ? "kept" : "read"}`;
};

test("a commit that this hub refuses, though an earlier one accepted it, stands and is told once", () =>
  withStanding(async (bench) => {
    bench.reads(new FleetError("role_invalid", { message: "it says what no role says" }));
    await bench.standing.takeUp("main");
    assert.equal(stands(bench), "aaaa kept");
    assert.deepEqual([await bench.told(), bench.standing.unread()], [[], []]);
    for (let fetches = 0; fetches < 2; fetches += 1)
      assert.equal(await bench.standing.takeUpFetched("main"), true);
    assert.equal(stands(bench), "aaaa kept");
    const reason = "it says what no role says";
    assert.deepEqual(bench.standing.unread(), [{ branch: "main", commit, reason, at: 5 }]);
    assert.deepEqual(await bench.told(), [
      `AcceptedCommitLost: the accepted commit main aaaaaaaa is lost: ${reason}`,
    ]);
    assert.equal(bench.distrusted(), false);
  }));

test("a fault of the machine loses nothing: the commit stands, and is read at the next try", () =>
  withStanding(async (bench) => {
    bench.reads(new FleetError("disk_short", { message: "the disk is full" }));
    await bench.standing.takeUp("main");
    assert.equal(await bench.standing.takeUpFetched("main"), false);
    assert.equal(stands(bench), "aaaa kept");
    assert.equal(bench.standing.unread()[0]?.reason, "the disk is full");
    bench.reads(whole);
    assert.equal(await bench.standing.takeUpFetched("main"), true);
    assert.equal(stands(bench), "aaaa read");
    assert.deepEqual([await bench.told(), bench.standing.unread()], [[], []]);
  }));
