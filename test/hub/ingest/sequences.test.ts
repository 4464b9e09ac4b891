// Journals in the orders that faults make of them, between the edge's own journal and the hub's store.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { AppendedJournal, Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { batchOf, enrolFleet, id } from "#test/contract/rows.ts";
import { type Scratch, scratch } from "#test/edge/journal/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("sequences of journals", { limitMs: 60_000 });
const device = id("pi-0000");

async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ file: ":memory:" });
  await enrolFleet(store, 1);
  await body(store);
  await store.close();
}

/** Another boot of the card in this place. */
function boot(place: Scratch, bootId: string): Journal {
  return openJournal({ file: place.file, clock: place.clock, bootId });
}

function tell(journal: Journal, ...messages: string[]): void {
  for (const message of messages) {
    journal.append({ kind: "event", body: { type: "Normal", reason: "Told", message } });
  }
}

async function send(journal: Journal, store: Store): Promise<AppendedJournal | undefined> {
  const batch = journal.batch({ maxEntries: 500, maxBytes: 100_000 });
  if (batch === undefined) return undefined;
  const [answer] = await store.appendJournal([{ device, batch }], 10);
  assert.ok(answer !== undefined);
  journal.acknowledge({ epoch: answer.epoch, seq: answer.seq });
  return answer;
}

async function sendAll(journal: Journal, store: Store): Promise<void> {
  for (let tries = 0; (await send(journal, store)) !== undefined; tries += 1) {
    assert.ok(tries < 20, "the journal comes to an end");
  }
}

/** What the hub has of what was told, each with how often. */
async function told(store: Store): Promise<string> {
  const { rows } = await store.journal({ device, limit: 500 });
  const messages = rows.flatMap(({ body: { reason, message } }) =>
    reason === "Told" ? [String(message)] : [],
  );
  return messages.toSorted().join(" ");
}

test("of two devices from one card nothing is taken for the other's", () =>
  withStore(async (store) => {
    const [first, second] = [scratch(), scratch()];
    const before = boot(first, "before");
    tell(before, "1", "2");
    await sendAll(before, store);
    before.close();
    copyFileSync(first.file, second.file);
    const one = boot(first, "one");
    const two = boot(second, "two");
    tell(one, "a1");
    tell(two, "b1");
    // Each hears that the hub has what the card had, before either has said anything of its own.
    await send(one, store);
    await send(two, store);
    tell(one, "a2");
    tell(two, "b2", "b3", "b4");
    await sendAll(one, store);
    await sendAll(two, store);
    assert.notEqual(one.epoch, two.epoch);
    tell(one, "a3");
    tell(two, "b5");
    await sendAll(one, store);
    await sendAll(two, store);
    assert.equal(await told(store), "1 2 a1 a2 a3 b1 b2 b3 b4 b5");
    for (const journal of [one, two]) journal.close();
    for (const place of [first, second]) place.remove();
  }));

test("the same entries again are no copy, over boots and overlaps", () =>
  withStore(async (store) => {
    const place = scratch();
    const one = boot(place, "one");
    tell(one, "1", "2");
    const batch = one.batch({ maxEntries: 500, maxBytes: 100_000 });
    assert.ok(batch !== undefined);
    for (let n = 0; n < 3; n += 1) await store.appendJournal([{ device, batch }], 10 + n);
    const epoch = one.epoch;
    one.close();
    const two = boot(place, "two");
    tell(two, "3");
    await sendAll(two, store);
    assert.equal(two.epoch, epoch);
    assert.equal(await told(store), "1 2 3");
    two.close();
    place.remove();
  }));

test("a store that was set back is filled again, and tells nothing twice", () =>
  withStore(async (later) => {
    const place = scratch();
    const journal = boot(place, "one");
    await withStore(async (store) => {
      tell(journal, "1", "2");
      await sendAll(journal, store);
      tell(journal, "3");
      await sendAll(journal, store);
    });
    tell(journal, "4");
    await sendAll(journal, later);
    assert.equal(await told(later), "1 2 3 4");
    const [again] = await later.appendJournal(
      [{ device, batch: { epoch: journal.epoch, from: 1, to: 4, entries: [] } }],
      20,
    );
    assert.deepEqual([again?.seq, again?.added], [4, []]);
    journal.close();
    place.remove();
  }));

test("entries of an earlier name go on where that one was", () =>
  withStore(async (store) => {
    await store.appendJournal([{ device, batch: batchOf("old", [1, 2]) }], 10);
    await store.appendJournal([{ device, batch: batchOf("new", [1]) }], 20);
    const answers = await store.appendJournal(
      [
        { device, batch: batchOf("old", [2, 3]) },
        { device, batch: batchOf("new", [4]) },
      ],
      30,
    );
    assert.deepEqual(
      answers.map(({ epoch, seq, added }) => [epoch, seq, added.length]),
      [
        ["old", 3, 1],
        ["new", 1, 0],
      ],
    );
  }));

test("of a device that makes up names for its journal few are remembered, and the one in use is", () =>
  withStore(async (store) => {
    const from2 = (epoch: string) => ({ device, batch: { ...batchOf(epoch, [2]), entries: [] } });
    for (let round = 0; round < 3; round += 1) {
      const madeUp = Array.from({ length: 100 }, (_, n) => `made-up-${round}-${n}`);
      const batches = ["own", ...madeUp].map((epoch) => ({ device, batch: batchOf(epoch, [1]) }));
      const answers = await store.appendJournal(batches, 10 + round);
      assert.ok(answers.length === 101 && answers.every(({ seq }) => seq === 1));
    }
    const answers = await store.appendJournal([from2("made-up-0-99"), from2("own")], 20);
    assert.deepEqual(
      answers.map(({ seq }) => seq),
      [0, 2],
    );
  }));
