// Two readings of one log joined: a table, and any log that was lost at any place.
import * as assert from "node:assert/strict";
import fc from "fast-check";
import { createLogSeam } from "#hub/cli/api/log_seam.ts";
import { type LogLine, maxTailLines } from "#shared/stream.ts";
import { suite } from "#test/suite.ts";

const test = suite("two readings of one log");

/** `web:text@at`, or `text@at` where only one speaks. */
function lineOf(words: string): LogLine {
  const [, from, text = "", at] = /^(?:(\w+):)?(\w+)@(\d+)$/.exec(words) ?? [];
  return { at: Number(at), text, ...(from === undefined ? {} : { from }) };
}

function linesOf(words: string): LogLine[] {
  return words
    .split(" ")
    .filter((word) => word !== "")
    .map(lineOf);
}

interface Given {
  seen: string;
  past: string;
  floorMs?: number;
}

function join({ seen, past, floorMs = -Infinity }: Given): string {
  const seam = createLogSeam(floorMs);
  for (const line of linesOf(seen)) seam.note(line);
  const lines = linesOf(past);
  const { unseen } = seam.join(lines);
  return lines
    .filter((line) => unseen.has(line))
    .map(({ from, text }) => `${from === undefined ? "" : `${from}:`}${text}`)
    .join(" ");
}

const table: [name: string, given: Given, expected: string][] = [
  ["nothing came meanwhile", { seen: "a@1 b@2", past: "a@1 b@2" }, ""],
  ["what came meanwhile follows", { seen: "a@1 b@2", past: "a@1 b@2 c@3 d@4" }, "c d"],
  ["what was not asked for before stays out", { seen: "c@3", past: "a@1 b@2 c@3 d@4" }, "d"],
  ["the other reading begins in the middle", { seen: "a@1 b@2 c@3", past: "b@2 c@3 d@4" }, "d"],
  ["times that only roughly agree", { seen: "a@1 b@2", past: "a@900 b@900 c@900" }, "c"],
  ["lines of one millisecond", { seen: "a@5 b@5", past: "a@5 b@5 b@5 c@5" }, "b c"],
  ["the same line all the time", { seen: "t@1 t@2 t@3", past: "t@1 t@2 t@3 t@4 t@5" }, "t t"],
  ["the same line, seen from the middle on", { seen: "t@3 t@4", past: "t@2 t@3 t@4 t@5" }, "t"],
  ["a log that began anew", { seen: "a@1 b@2", past: "x@3 y@4" }, "x y"],
  ["each speaker by itself", { seen: "v:a@1 w:a@2 v:b@3", past: "v:a@1 w:a@2 v:b@3 w:b@3" }, "w:b"],
  ["who was silent before", { seen: "v:a@1 v:b@5", past: "w:old@2 v:b@5 w:new@6" }, "w:new"],
  ["nothing was said at all before", { seen: "", past: "a@1 b@2" }, "a b"],
  ["only what is new was asked for", { seen: "", past: "a@1 b@20", floorMs: 10 }, "b"],
];
for (const [name, given, expected] of table) {
  test(`${name}: ${expected || "none"}`, () => assert.equal(join(given), expected));
}

test("streams of one speaker are told apart", () => {
  const seam = createLogSeam(-Infinity);
  const out: LogLine = { at: 1, text: "same", stream: "stdout", from: "web" };
  seam.note(out);
  const error: LogLine = { ...out, stream: "stderr" };
  assert.deepEqual([...seam.join([{ ...out }, error]).unseen], [error]);
});

test("more than one reading gives back is said, and what it gives is shown", () => {
  const seam = createLogSeam(-Infinity);
  seam.note(lineOf("a@1"));
  const past = Array.from({ length: maxTailLines }, (_, at) => lineOf(`n${at}@${at + 2}`));
  const { unseen, hasGap } = seam.join(past);
  assert.equal(hasGap, true);
  assert.equal(unseen.size, maxTailLines);
  assert.equal(seam.join(past.slice(1)).hasGap, false);
});

test("any log of several speakers, lost at any place, is read whole and once", () => {
  const said = fc.array(
    fc.record({ from: fc.constantFrom("v", "w"), text: fc.constantFrom("a", "b", "c") }),
    { minLength: 1, maxLength: 120 },
  );
  const property = fc.property(said, fc.nat(), fc.nat(), (lines, first, lost) => {
    const log: LogLine[] = lines.map((line, at) => ({ ...line, at: at * 10 }));
    const begin = first % log.length;
    const end = begin + (lost % (log.length - begin + 1));
    const seam = createLogSeam(begin === end ? (log[begin]?.at ?? 0) : -Infinity);
    const read = log.slice(begin, end);
    for (const line of read) seam.note(line);
    const past = log.map((line) => ({ ...line }));
    const { unseen } = seam.join(past);
    const shown = [...read, ...past.filter((line) => unseen.has(line))];
    assert.deepEqual(shown, log.slice(begin));
  });
  fc.assert(property, { numRuns: 300 });
});
