import * as assert from "node:assert/strict";
import type { NewEntry } from "#edge/journal/port.ts";
import { suite } from "#test/suite.ts";
import { withScratch } from "./fixture.ts";

const test = suite("journal entries");

function said(text: string): NewEntry {
  return { kind: "run.log", body: { text } };
}

test("keeps several at once in their order, or none of them", () =>
  withScratch(({ open }) => {
    const journal = open();
    const texts = (): unknown[] =>
      journal.entries({ kinds: ["run.log"], limit: 10 }).map(({ body }) => body["text"]);
    assert.deepEqual(journal.appendAll([said("a"), said("b")]), [1, 2]);
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    assert.throws(() => journal.appendAll([said("c"), { kind: "run.log", body: circle }]));
    assert.deepEqual(journal.appendAll([]), []);
    assert.deepEqual(texts(), ["b", "a"]);
  }));
