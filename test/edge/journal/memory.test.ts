import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite } from "#test/suite.ts";
import { withScratch } from "./fixture.ts";

const test = suite("journal memory");

test("gives back what was remembered after it was closed", () =>
  withScratch(({ open }) => {
    const journal = open();
    assert.equal(journal.recall("honouredRetry"), undefined);
    journal.remember("honouredRetry", 7);
    journal.remember("starts", []);
    journal.remember("honouredRetry", 8);
    journal.close();
    const again = open();
    assert.equal(again.recall("honouredRetry"), 8);
    assert.deepEqual(again.recall("starts"), []);
  }));

test("forgets what is remembered as undefined", () =>
  withScratch(({ open }) => {
    const journal = open();
    journal.remember("honouredRetry", 1);
    journal.remember("honouredRetry", undefined);
    journal.remember("honouredRetry", undefined);
    assert.equal(journal.recall("honouredRetry"), undefined);
  }));

test("writes nothing when the value is the same", () =>
  withScratch(({ file, open }) => {
    const journal = open();
    journal.remember("honouredRetry", 1);
    const before = readFileSync(`${file}-wal`);
    journal.remember("honouredRetry", 1);
    assert.deepEqual(readFileSync(`${file}-wal`), before);
    journal.remember("honouredRetry", 2);
    assert.notDeepEqual(readFileSync(`${file}-wal`), before);
  }));
