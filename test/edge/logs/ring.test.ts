// The bounded log that any number of followers read.
import * as assert from "node:assert/strict";
import { chunksOf } from "#edge/logs/chunks.ts";
import { createLineRing } from "#edge/logs/ring.ts";
import type { SourceItem, Wanted } from "#edge/logs/source.ts";
import { costOf, maxChunkCost, maxLineBytes } from "#shared/stream.ts";
import { suite } from "#test/suite.ts";

const test = suite("bounded lines");

function wanted(more: Partial<Wanted> = {}): Wanted {
  return { tail: 100, follow: false, signal: new AbortController().signal, ...more };
}

async function all(
  items: AsyncIterable<SourceItem>,
): Promise<{ texts: string[]; dropped: number }> {
  const texts: string[] = [];
  let dropped = 0;
  for await (const { lines, droppedBytes } of items) {
    texts.push(...lines.map(({ text }) => text));
    dropped += droppedBytes;
  }
  return { texts, dropped };
}

test("gives the last lines, by number and by time", async () => {
  const ring = createLineRing({ maxCost: 10_000 });
  for (let at = 1; at <= 9; at += 1) ring.write({ at, text: `${at}` });
  assert.deepEqual((await all(ring.follow(wanted({ tail: 2 })))).texts, ["8", "9"]);
  assert.deepEqual((await all(ring.follow(wanted({ sinceMs: 7 })))).texts, ["7", "8", "9"]);
  assert.deepEqual((await all(ring.follow(wanted({ tail: 0 })))).texts, []);
  assert.deepEqual((await all(ring.follow(wanted({ sinceMs: 10 })))).texts, []);
});

test("a follower that is overtaken is told exactly how much it missed", async () => {
  const ring = createLineRing({ maxCost: 5000 });
  const line = (at: number) => ({ at, text: `${at}`.padStart(52, "x") });
  const items = ring.follow(wanted({ follow: true }))[Symbol.asyncIterator]();
  for (let at = 0; at < 3; at += 1) ring.write(line(at));
  // Begins before the flood: lines from here on are its own to miss.
  await items.next();
  for (let at = 3; at < 1000; at += 1) ring.write(line(at));
  ring.end();
  const rest = await all({ [Symbol.asyncIterator]: () => items });
  const first = Number(/\d+$/.exec(rest.texts[0] ?? "")?.[0]);
  assert.ok(first > 900);
  assert.equal(rest.dropped, (first - 3) * costOf(line(0)));
  assert.equal(rest.texts.length, 1000 - first);
});

test("a follower waits for what is said, and ends with the speaker", async () => {
  const ring = createLineRing({ maxCost: 5000 });
  const read = all(ring.follow(wanted({ follow: true })));
  await new Promise(setImmediate);
  ring.write({ at: 1, text: "late" });
  await new Promise(setImmediate);
  ring.end();
  assert.deepEqual(await read, { texts: ["late"], dropped: 0 });
});

test("a batch becomes messages of bounded size, and a long line is cut and counted", () => {
  const long = { at: 1, text: "ä".repeat(maxLineBytes) };
  const lines = [...Array.from({ length: 3000 }, () => ({ at: 1, text: "" })), long];
  const chunks = [...chunksOf({ lines, droppedBytes: 7 })];
  for (const chunk of chunks) {
    assert.ok(chunk.lines.length <= 1000);
    assert.ok(chunk.lines.reduce((sum, line) => sum + costOf(line), 0) <= maxChunkCost);
  }
  const sent = chunks.flatMap((chunk) => chunk.lines);
  assert.equal(sent.length, 3001);
  assert.equal(sent.at(-1)?.text, "ä".repeat(maxLineBytes / 2));
  const dropped = chunks.map(({ droppedBytes }) => droppedBytes);
  assert.deepEqual([dropped[0], dropped.at(-1)], [7, maxLineBytes]);
});
