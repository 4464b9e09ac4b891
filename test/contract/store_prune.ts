// The store's contract for what it deletes: only what is old and unused, a bounded part at a time.
import assert from "node:assert/strict";
import type { Store } from "#hub/store/port.ts";
import type { PruneLimits } from "#hub/store/prune_port.ts";
import type { Digest } from "#shared/ids.ts";
import { addRun, anEntry, anEvent, batchOf, enrolFleet, id, releaseRow } from "./rows.ts";
import type { Check } from "./store_history.ts";

const device = id("pi-0000");
const nothing = {
  ...{ journal: 0, updates: 0, runs: 0, events: 0, cut: 0 },
  ...{ tokens: 0, releases: 0, branches: 0 },
};

function limits(over: Partial<PruneLimits> = {}): PruneLimits {
  return {
    journalBefore: 0,
    updatesBefore: 0,
    eventsBefore: 0,
    tokensBefore: 0,
    cutBefore: 0,
    releasesBefore: 0,
    releasesPerBranch: 2,
    releasesInUse: [],
    maxRows: 100,
    ...over,
  };
}

async function seqs(store: Store): Promise<number[]> {
  return (await store.journal({ device, limit: 50 })).rows.map(({ seq }) => seq);
}

export function pruning(check: Check): void {
  journal(check);
  lists(check);
  runs(check);
  releases(check);
}

function journal(check: Check): void {
  check("old journal entries go, those of updates by a limit of their own", async (store) => {
    const entries = [
      anEntry(1, { kind: "health.sampled" }),
      anEntry(2, { kind: "update.started", app: "web" }),
      anEntry(3, { kind: "step.finished", app: "web" }),
      anEntry(4, { kind: "update.finished", app: "web" }),
    ];
    await store.appendJournal([{ device, batch: { epoch: "e1", from: 1, to: 4, entries } }], 10);
    await store.appendJournal([{ device, batch: batchOf("e1", [5]) }], 20);
    const first = await store.prune(limits({ journalBefore: 20, updatesBefore: 10 }));
    assert.deepEqual(first, { ...nothing, journal: 1 });
    assert.deepEqual(await seqs(store), [5, 4, 3, 2]);
    const second = await store.prune(limits({ journalBefore: 20, updatesBefore: 20 }));
    assert.deepEqual(second, { ...nothing, updates: 3 });
    assert.deepEqual(await seqs(store), [5]);
  });
  check("acknowledgements go on from where they were over pruned entries", async (store) => {
    await store.appendJournal([{ device, batch: batchOf("e1", [1, 2, 3]) }], 10);
    await store.prune(limits({ journalBefore: 1000 }));
    const again = await store.appendJournal([{ device, batch: batchOf("e1", [2, 3]) }], 30);
    assert.deepEqual([again[0]?.seq, again[0]?.added], [3, []]);
    const next = await store.appendJournal([{ device, batch: batchOf("e1", [4]) }], 30);
    assert.deepEqual([next[0]?.seq, next[0]?.added.length], [4, 1]);
    assert.deepEqual(await seqs(store), [4]);
  });
  check("one call deletes a bounded part, the next ones the rest", async (store) => {
    const all = Array.from({ length: 25 }, (_, n) => n + 1);
    await store.appendJournal([{ device, batch: batchOf("e1", all) }], 10);
    const old = limits({ journalBefore: 20, maxRows: 10 });
    const counts = [await store.prune(old), await store.prune(old), await store.prune(old)];
    assert.deepEqual(
      counts.map(({ journal: deleted }) => deleted),
      [10, 10, 5],
    );
    assert.deepEqual(await seqs(store), []);
  });
}

function lists(check: Check): void {
  check("old events go and their ids are not given again", async (store) => {
    await store.addEvents([{ ...anEvent("Old"), at: 5 }, anEvent("New")]);
    assert.deepEqual(await store.prune(limits({ eventsBefore: 6 })), { ...nothing, events: 1 });
    await store.prune(limits({ eventsBefore: 5000 }));
    assert.equal((await store.addEvents([anEvent("Later")]))[0]?.id, 3);
  });
  check("a token goes once it has ended, used or not, and not before", async (store) => {
    const token = { device: null, createdAt: 0 };
    await store.addToken({ ...token, hash: "used", expiresAt: 100 });
    await store.addToken({ ...token, hash: "open", expiresAt: 200 });
    await store.redeemToken("used", device, "n", 10);
    assert.equal((await store.prune(limits({ tokensBefore: 100 }))).tokens, 0);
    assert.equal(await store.redeemToken("used", device, "n", 20), true);
    assert.equal((await store.prune(limits({ tokensBefore: 101 }))).tokens, 1);
    assert.equal(await store.redeemToken("open", device, "n", 101), true);
  });
  check("branches that nobody uses go, and none while it is unknown which", async (store) => {
    for (const branch of ["main", "old", "staging"]) {
      await store.saveBranch({ branch, head: "h", accepted: "h", refusal: null, checkedAt: 1 });
    }
    assert.equal((await store.prune(limits())).branches, 0);
    const { branches } = await store.prune(limits({ branchesInUse: ["main", "staging"] }));
    assert.equal(branches, 1);
    assert.deepEqual(
      (await store.branches()).map(({ branch }) => branch),
      ["main", "staging"],
    );
  });
}

function runs(check: Check): void {
  check("old runs go once they are over and the device has heard of it", async (store) => {
    const over = { state: "Succeeded", isStanding: false } as const;
    for (const [n, head] of [over, over, { ...over, isStanding: true }].entries()) {
      await addRun(store, id(`pi-${n}`), { orderedAt: n === 1 ? 50 : 10, head });
    }
    await addRun(store, id("pi-3"), { orderedAt: 10, head: { state: "Running" } });
    assert.deepEqual(await store.prune(limits({ updatesBefore: 50 })), { ...nothing, runs: 1 });
    const left = (await store.runs({ limit: 9 })).rows.map(({ device: of }) => of);
    assert.deepEqual(left.toSorted(), ["pi-1", "pi-2", "pi-3"]);
  });
}

function releases(check: Check): void {
  check("of a role's releases the newest stay, and those in use however old", async (store) => {
    const names = ["r1", "r2", "r3", "r4", "r5"];
    for (const [n, name] of names.entries()) {
      await store.saveRelease(releaseRow(name, n + 1, [`c${n + 1}`]));
    }
    const inUse = releaseRow("r2", 0, []).digest;
    const old = limits({ releasesBefore: 100, releasesInUse: [inUse] });
    assert.equal((await store.prune(old)).releases, 2);
    const left = (await store.releases({ limit: 9 })).rows.map(({ digest }) => digest);
    assert.deepEqual(left, digestsOf("r5", "r4", "r2"));
  });
  check("a release that a revert brought back counts as new", async (store) => {
    await store.saveRelease(releaseRow("a", 1, ["c1", "c9"]));
    await store.saveRelease(releaseRow("b", 2, ["c2"]));
    await store.saveRelease(releaseRow("c", 3, ["c3"]));
    assert.equal((await store.prune(limits({ releasesBefore: 100 }))).releases, 1);
    assert.equal(await store.release(releaseRow("b", 0, []).digest), null);
    assert.equal((await store.release(releaseRow("a", 0, []).digest))?.commits.length, 2);
  });
  check("no release goes before its time, and no device with anything", async (store) => {
    const [first] = await enrolFleet(store, 1);
    for (const name of ["a", "b", "c"]) await store.saveRelease(releaseRow(name, 50, ["c1"]));
    assert.deepEqual(await store.prune(limits({ releasesBefore: 50 })), nothing);
    assert.notEqual(await store.device(first ?? device), null);
  });
}

function digestsOf(...names: string[]): Digest[] {
  return names.map((name) => releaseRow(name, 0, []).digest);
}
