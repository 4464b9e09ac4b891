import * as assert from "node:assert/strict";
import type { Journal } from "#edge/journal/port.ts";
import { suite } from "#test/suite.ts";
import { acknowledge, withScratch } from "./fixture.ts";

const test = suite("batches of the journal");
const limits = { maxEntries: 500, maxBytes: 256 * 1024 };

function fill(journal: Journal, count: number): void {
  for (let i = 0; i < count; i++) journal.append({ kind: "event", body: { i } });
}

test("start above the acknowledged mark and end at the limit of entries", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 12);
    acknowledge(journal, 4);
    const batch = journal.batch({ ...limits, maxEntries: 5 });
    assert.deepEqual([batch?.epoch, batch?.from, batch?.to], [journal.epoch, 5, 9]);
    assert.deepEqual(
      batch?.entries.map(({ seq }) => seq),
      [5, 6, 7, 8, 9],
    );
    assert.equal(journal.unacknowledged(), 8);
  }));

test("end at the limit of bytes, but always hold one entry", () =>
  withScratch(({ open }) => {
    const journal = open();
    for (let i = 0; i < 3; i++) journal.append({ kind: "event", body: { text: "x".repeat(600) } });
    const two = journal.batch({ ...limits, maxBytes: 1600 });
    assert.equal(two?.entries.length, 2);
    assert.ok(Buffer.byteLength(JSON.stringify(two?.entries)) <= 1600);
    assert.equal(journal.batch({ ...limits, maxBytes: 10 })?.entries.length, 1);
  }));

test("are absent when everything is acknowledged", () =>
  withScratch(({ open }) => {
    const journal = open();
    assert.equal(journal.batch(limits), undefined);
    fill(journal, 2);
    acknowledge(journal, 2);
    assert.equal(journal.batch(limits), undefined);
    assert.equal(journal.unacknowledged(), 0);
  }));

test("go back to a lower mark: the hub has lost entries", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 9);
    acknowledge(journal, 9);
    acknowledge(journal, 2);
    assert.equal(journal.batch(limits)?.from, 3);
  }));

test("are not moved by a mark of another epoch", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 3);
    journal.acknowledge({ epoch: "another", seq: 3 });
    assert.equal(journal.batch(limits)?.from, 1);
  }));

test("go out under a new epoch, none twice, when the hub has more than this database ever gave it", () =>
  withScratch(({ open }) => {
    const before = open();
    fill(before, 6);
    acknowledge(before, 4);
    before.close();
    const journal = open();
    const { epoch } = journal;
    journal.acknowledge({ epoch, seq: 50 });
    assert.notEqual(journal.epoch, epoch);
    const batch = journal.batch(limits);
    assert.deepEqual([batch?.epoch, batch?.from], [journal.epoch, 1]);
    const entries = batch?.entries ?? [];
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      [5, 6, 7],
    );
    assert.equal(entries.at(-1)?.body["reason"], "EpochStarted");
    assert.equal(journal.unacknowledged(), 3);
    journal.acknowledge({ epoch, seq: 50 });
    assert.equal(journal.unacknowledged(), 3, "the old epoch counts no more");
    journal.acknowledge({ epoch: journal.epoch, seq: 7 });
    assert.equal(journal.batch(limits), undefined);
    assert.equal(journal.entries({ limit: 100 }).length, 7);
  }));

test("go out under a new epoch when the hub has what this process has yet to send", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 10);
    acknowledge(journal, 8);
    journal.close();
    const copy = open();
    fill(copy, 5);
    const { epoch } = copy;
    copy.acknowledge({ epoch, seq: 12 });
    assert.notEqual(copy.epoch, epoch);
    assert.deepEqual(
      copy.batch(limits)?.entries.map(({ seq }) => seq),
      [9, 10, 11, 12, 13, 14, 15, 16],
    );
  }));

test("begin again above the entries of the epoch before when the hub has lost those of the new one", () =>
  withScratch(({ open }) => {
    const before = open();
    fill(before, 6);
    acknowledge(before, 4);
    before.close();
    const journal = open();
    journal.acknowledge({ epoch: journal.epoch, seq: 50 });
    acknowledge(journal);
    journal.close();
    const again = open();
    again.acknowledge({ epoch: again.epoch, seq: 0 });
    const batch = again.batch(limits);
    assert.deepEqual([batch?.from, batch?.entries[0]?.seq], [1, 5]);
  }));

test("keep the mark over a reopening", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 3);
    acknowledge(journal, 2);
    journal.close();
    assert.equal(open().batch(limits)?.from, 3);
  }));

test("carry the times, the boot and the app of an entry, and cut a body that is too long", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    clock.advance(250);
    journal.append({ kind: "drift.found", app: "player", body: { text: "é".repeat(40_000) } });
    journal.append({ kind: "event", body: { texts: Array(2000).fill("x".repeat(100)) } });
    const [cut, omitted] = journal.batch(limits)?.entries ?? [];
    assert.deepEqual(
      [cut?.app, cut?.bootId, cut?.at, cut?.monotonicMs],
      ["player", "boot-1", 1_800_000_000_250, 5250],
    );
    assert.equal(cut?.body["text"], `${"é".repeat(4096)}…`);
    assert.ok(Number(omitted?.body["omittedBytes"]) > 200_000);
  }));

test("stay under an epoch that began in this process, whatever a hub claims to have of it", () =>
  withScratch(({ open }) => {
    const journal = open();
    fill(journal, 3);
    const { epoch } = journal;
    journal.acknowledge({ epoch, seq: 50 });
    assert.equal(journal.epoch, epoch);
    assert.equal(journal.unacknowledged(), 3);
  }));

test("hold only what earlier processes have left until the hub has answered", () =>
  withScratch(({ open }) => {
    const before = open();
    fill(before, 5);
    acknowledge(before, 3);
    before.close();
    const journal = open();
    fill(journal, 4);
    assert.deepEqual([journal.batch(limits)?.from, journal.batch(limits)?.to], [4, 5]);
    journal.acknowledge({ epoch: journal.epoch, seq: 5 });
    assert.deepEqual([journal.batch(limits)?.from, journal.batch(limits)?.to], [6, 9]);
  }));

test("ask with the last entry when earlier processes have left none", () =>
  withScratch(({ open }) => {
    const before = open();
    fill(before, 5);
    acknowledge(before);
    before.close();
    const journal = open();
    assert.equal(journal.batch(limits), undefined);
    fill(journal, 2);
    const asked = journal.batch(limits);
    assert.deepEqual([asked?.from, asked?.to, asked?.entries.length], [5, 5, 1]);
    journal.acknowledge({ epoch: journal.epoch, seq: 5 });
    assert.deepEqual([journal.batch(limits)?.from, journal.batch(limits)?.to], [6, 7]);
  }));
