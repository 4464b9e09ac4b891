// The lines of a device stream in the hub's memory: bounded, whatever a device sends.
import * as assert from "node:assert/strict";
import type { LogItem } from "#hub/logs/port.ts";
import { createTape } from "#hub/logs/tape.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/logs tape");

function tapeOf(keptCost: number) {
  return createTape({ keptCost, stallMs: 1000, monotonicMs: () => 0, onTaken: () => undefined });
}

test("keeps a bounded number of notes of what was lost, though they cost no credit", async () => {
  const tape = tapeOf(48 * 100);
  const reader = tape.reader();
  for (let at = 0; at < 10_000; at += 1) tape.push([], 1);
  tape.end({ kind: "end", reason: "complete", message: "that is all" });
  const items: LogItem[] = [];
  for await (const item of reader) items.push(item);
  assert.ok(items.length <= 110, `${items.length} items`);
  assert.equal(items.at(-1)?.kind, "end");
});

test("loses no line that fits for the notes' sake", async () => {
  const tape = tapeOf(48 * 100);
  const reader = tape.reader();
  for (let at = 0; at < 100; at += 1) tape.push([{ at, text: "" }], 0);
  tape.end({ kind: "end", reason: "complete", message: "that is all" });
  let lines = 0;
  for await (const item of reader) if (item.kind === "line") lines += 1;
  assert.equal(lines, 100);
});
