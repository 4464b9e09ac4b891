import * as assert from "node:assert/strict";
import type { Journal } from "#edge/journal/port.ts";
import type { EntryKind } from "#shared/journal.ts";
import { suite } from "#test/suite.ts";
import { acknowledge, withScratch } from "./fixture.ts";

const test = suite("journal bound");
const limits = { maxBytes: 600 * 1024 };
const padding = "x".repeat(400);

function fill(journal: Journal, kind: EntryKind, count: number): void {
  for (let i = 0; i < count; i++) journal.append({ kind, body: { padding } });
}

function count(journal: Journal, kind: EntryKind): number {
  return journal.entries({ kinds: [kind], limit: 100_000 }).length;
}

test("removes nothing below the bound", () =>
  withScratch(({ open }) => {
    const journal = open(limits);
    fill(journal, "health.sampled", 300);
    journal.prune();
    assert.equal(count(journal, "health.sampled"), 300);
  }));

test("thins acknowledged health samples first and keeps events and history", () =>
  withScratch(({ open }) => {
    const journal = open(limits);
    fill(journal, "update.finished", 100);
    fill(journal, "event", 100);
    fill(journal, "health.sampled", 1500);
    acknowledge(journal);
    journal.prune();
    assert.equal(count(journal, "update.finished"), 100);
    assert.equal(count(journal, "event"), 100);
    const left = count(journal, "health.sampled");
    assert.ok(left >= 150 && left < 1500, `${left} samples are left`);
    assert.equal(count(journal, "entries.dropped"), 0);
  }));

test("removes history last", () =>
  withScratch(({ open }) => {
    const journal = open(limits);
    fill(journal, "update.finished", 900);
    fill(journal, "event", 900);
    acknowledge(journal);
    journal.prune();
    assert.equal(count(journal, "update.finished"), 900);
    assert.ok(count(journal, "event") < 900);
  }));

test("drops what the hub has not seen only over the bound, and says so in an entry", () =>
  withScratch(({ open }) => {
    const journal = open(limits);
    fill(journal, "health.sampled", 2000);
    fill(journal, "event", 100);
    journal.prune();
    assert.equal(count(journal, "event"), 100);
    const dropped = journal.entries({ kinds: ["entries.dropped"], limit: 100 });
    const told = dropped.reduce((sum, { body }) => sum + Number(body["count"]), 0);
    assert.ok(told > 0);
    assert.equal(count(journal, "health.sampled"), 2000 - told);
  }));

test("never gives a number again, even when the newest entries are gone", () =>
  withScratch(({ open }) => {
    const journal = open({ maxBytes: 1 });
    fill(journal, "event", 50);
    const last = acknowledge(journal);
    journal.prune();
    assert.equal(journal.entries({ limit: 10 }).length, 0);
    journal.close();
    assert.equal(open().append({ kind: "event", body: {} }), last + 1);
  }));

test("covers removed numbers with the batch that follows them", () =>
  withScratch(({ open }) => {
    const journal = open(limits);
    fill(journal, "health.sampled", 2000);
    journal.prune();
    const batch = journal.batch({ maxEntries: 500, maxBytes: 256 * 1024 });
    assert.equal(batch?.from, 1);
    assert.ok((batch?.entries[0]?.seq ?? 0) > 1);
  }));

test("removes much in several calls, each of which leaves the agent to others soon", () =>
  withScratch(({ open }) => {
    const journal = open({ maxBytes: 1 });
    journal.appendAll(Array.from({ length: 10_000 }, () => ({ kind: "event", body: {} })));
    acknowledge(journal);
    journal.prune();
    const left = count(journal, "event");
    assert.ok(left > 0 && left < 10_000, `${left} are left`);
    journal.prune();
    assert.equal(count(journal, "event"), 0);
  }));
