// The store's contract for what grows: journals, events and releases.
import assert from "node:assert/strict";
import type { Store } from "#hub/store/port.ts";
import { anEntry, anEvent, batchOf, enrolFleet, id, releaseRow } from "./rows.ts";

/** Declares one test with an empty store. */
export type Check = (name: string, body: (store: Store) => Promise<void>) => void;

export function journal(check: Check): void {
  const device = id("pi-0000");
  check("appends in order and tells up to where everything is stored", async (store) => {
    const batch = batchOf("e1", [1, 2, 3]);
    const [result] = await store.appendJournal([{ device, batch }], 10);
    assert.equal(result?.seq, 3);
    assert.deepEqual(result?.added, batch.entries);
  });
  check("a batch sent twice adds nothing, an overlapping one only what is new", async (store) => {
    await store.appendJournal([{ device, batch: batchOf("e1", [1, 2, 3]) }], 10);
    const again = await store.appendJournal([{ device, batch: batchOf("e1", [1, 2, 3]) }], 11);
    assert.deepEqual([again[0]?.seq, again[0]?.added], [3, []]);
    const more = await store.appendJournal([{ device, batch: batchOf("e1", [2, 3, 4]) }], 12);
    assert.deepEqual([more[0]?.seq, more[0]?.added.map(({ seq }) => seq)], [4, [4]]);
    assert.equal((await store.journal({ device, limit: 50 })).rows.length, 4);
  });
  check("a batch that would leave a gap is not stored", async (store) => {
    const [none] = await store.appendJournal([{ device, batch: batchOf("e1", [5, 6]) }], 10);
    assert.deepEqual([none?.seq, none?.added], [0, []]);
    assert.equal((await store.journal({ device, limit: 50 })).rows.length, 0);
  });
  check(
    "entries missing within a batch were dropped for good and are passed over",
    async (store) => {
      const batch = { ...batchOf("e1", [2, 7]), from: 1, to: 9 };
      const [result] = await store.appendJournal([{ device, batch }], 10);
      assert.equal(result?.seq, 9);
      const empty = { epoch: "e1", from: 10, to: 12, entries: [] };
      assert.equal((await store.appendJournal([{ device, batch: empty }], 11))[0]?.seq, 12);
    },
  );
  check("each epoch has a mark of its own, and one call takes many batches", async (store) => {
    const results = await store.appendJournal(
      [
        { device, batch: batchOf("e1", [1, 2]) },
        { device, batch: batchOf("e2", [1]) },
        { device, batch: batchOf("e1", [3]) },
        { device: id("pi-0001"), batch: batchOf("e1", [1]) },
      ],
      10,
    );
    const told = results.map((r) => `${r.device} ${r.epoch} ${r.seq} +${r.added.length}`);
    assert.deepEqual(told.toSorted(), ["pi-0000 e1 3 +3", "pi-0000 e2 1 +1", "pi-0001 e1 1 +1"]);
  });
  check("an entry's event is stored once, however often the entry comes", async (store) => {
    const append = () =>
      store.appendJournal([{ device, batch: batchOf("e1", [1, 2]) }], 10, (_, entry) =>
        entry.seq === 2 ? anEvent("Copied") : null,
      );
    const [first] = await append();
    const [second] = await append();
    assert.deepEqual([first?.events.length, second?.events.length], [1, 0]);
    assert.equal((await store.events({ limit: 10 })).rows.length, 1);
  });
  check("an event that cannot be made keeps the whole batch out", async (store) => {
    const batch = batchOf("e1", [1, 2]);
    const failing = store.appendJournal([{ device, batch }], 10, () => {
      throw new Error("planted");
    });
    await assert.rejects(failing, { code: "store_unavailable" });
    const [result] = await store.appendJournal([{ device, batch }], 11);
    assert.equal(result?.added.length, 2);
  });
  check("pages newest first, by kind and app", async (store) => {
    const entries = Array.from({ length: 20 }, (_, n) =>
      anEntry(n + 1, n % 2 === 0 ? { kind: "update.finished", app: "web" } : {}),
    );
    const batch = { epoch: "e1", from: 1, to: 20, entries };
    await store.appendJournal([{ device, batch }], 10);
    const first = await store.journal({ device, kinds: ["update.finished"], app: "web", limit: 6 });
    assert.deepEqual(
      first.rows.map(({ seq }) => seq),
      [19, 17, 15, 13, 11, 9],
    );
    assert.deepEqual(first.rows[0], { epoch: "e1", ...entries[18] });
    const next = { device, app: "web", limit: 6, cursor: first.next ?? "" };
    const rest = await store.journal(next);
    assert.deepEqual([rest.rows.map(({ seq }) => seq), rest.next], [[7, 5, 3, 1], null]);
  });
}

export function events(check: Check): void {
  check("ids rise from 1 and are the cursor in both directions", async (store) => {
    const added = await store.addEvents(["A", "B", "C"].map((reason) => anEvent(reason)));
    assert.deepEqual(
      added.map(({ id: number }) => number),
      [1, 2, 3],
    );
    const newest = await store.events({ limit: 2 });
    assert.deepEqual(
      newest.rows.map(({ reason }) => reason),
      ["C", "B"],
    );
    const older = await store.events({ limit: 2, cursor: newest.next ?? "" });
    assert.deepEqual([older.rows.map(({ reason }) => reason), older.next], [["A"], null]);
    const after = await store.events({ limit: 9, afterId: 1 });
    assert.deepEqual(
      after.rows.map(({ reason }) => reason),
      ["B", "C"],
    );
  });
  check("filters by device, reason and type", async (store) => {
    const device = id("pi-1");
    await store.addEvents([
      { ...anEvent("A"), device },
      { ...anEvent("B"), device, type: "Warning" },
      anEvent("B"),
    ]);
    const reasons = async (query: object): Promise<number[]> =>
      (await store.events({ limit: 9, ...query })).rows.map((row) => row.id);
    assert.deepEqual(await reasons({ device }), [2, 1]);
    assert.deepEqual(await reasons({ reason: "B" }), [3, 2]);
    assert.deepEqual(await reasons({ type: "Warning" }), [2]);
  });
  check("a change of devices and its events are stored together", async (store) => {
    await enrolFleet(store, 1);
    const change = { id: id("pi-0000"), health: "Degraded" as const };
    const [event] = await store.changeDevices([change], [anEvent("DeviceDegraded")]);
    assert.equal(event?.id, 1);
  });
}

export function releases(check: Check): void {
  check("one release gathers the commits it came from, newest first", async (store) => {
    await store.saveRelease(releaseRow("a", 1, ["c1"]));
    await store.saveRelease(releaseRow("a", 9, ["c2", "c1"]));
    const release = await store.release(releaseRow("a", 0, []).digest);
    assert.equal(release?.createdAt, 1);
    assert.deepEqual(
      release?.commits.map(({ commit }) => commit),
      ["c2", "c1"],
    );
  });
  check("releases page newest first, by role", async (store) => {
    for (const [index, name] of ["a", "b", "c", "d"].entries()) {
      const role = name === "b" ? "other" : "player";
      await store.saveRelease({ ...releaseRow(name, index, [`c${index}`]), role });
    }
    const first = await store.releases({ role: "player", limit: 2 });
    assert.deepEqual(
      first.rows.map(({ createdAt }) => createdAt),
      [3, 2],
    );
    const rest = await store.releases({ role: "player", limit: 2, cursor: first.next ?? "" });
    assert.deepEqual([rest.rows.map(({ createdAt }) => createdAt), rest.next], [[0], null]);
    assert.equal((await store.releases({ limit: 9 })).rows.length, 4);
  });
  check("a branch keeps its last known state", async (store) => {
    const row = { branch: "main", head: "h1", accepted: null, refusal: "bad", checkedAt: 1 };
    await store.saveBranch(row);
    await store.saveBranch({ ...row, accepted: "h1", refusal: null, checkedAt: 2 });
    const stored = await store.branches();
    assert.deepEqual(stored, [{ ...row, accepted: "h1", refusal: null, checkedAt: 2 }]);
  });
}
