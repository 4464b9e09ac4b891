// The output of a run's scripts: bounded in what the journal has of it, however it comes.
import * as assert from "node:assert/strict";
import { createRunOutput } from "#edge/run/output.ts";
import type { JournalEntry } from "#shared/journal.ts";
import { maxLog, type RunId, RunLogBody } from "#shared/run.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run output");
const run = "run00000001" as RunId;

function kept() {
  const entries: JournalEntry[] = [];
  let writes = 0;
  const journal = {
    appendAll: (all: readonly { body: Record<string, unknown> }[]) => {
      writes += 1;
      const seqs = all.map((_, at) => entries.length + at + 1);
      for (const { body } of all) {
        const seq = entries.length + 1;
        entries.push({ seq, bootId: "b", at: 0, monotonicMs: 0, kind: "run.log", body });
      }
      return seqs;
    },
    entries: ({ limit }: { limit: number }) => entries.slice(-limit).toReversed(),
  };
  const again = () =>
    createRunOutput({
      ...{ journal, clock: { now: () => 0 }, run },
      ...{ index: () => 0, onLog: () => undefined, onTrouble: assert.fail },
    });
  return {
    output: again(),
    again,
    bodies: () => entries.map(({ body }) => RunLogBody.parse(body)),
    writes: () => writes,
  };
}

test("has few entries and few writes though both streams speak by turns, as with sh -x", () => {
  const { output, bodies, writes } = kept();
  for (let at = 0; at < 100_000; at += 1) {
    output.write("stdout", "a\n");
    output.write("stderr", "b\n");
  }
  output.flush();
  assert.ok(bodies().length < 8192, `${bodies().length} entries`);
  assert.ok(writes() < 256, `${writes()} writes`);
  assert.equal(bodies().filter(({ isCut }) => isCut).length, 1);
  assert.equal(bodies().at(-1)?.isCut, true);
});

test("keeps long output up to its bound, in order, and says where it was cut", () => {
  const { output, bodies } = kept();
  for (let at = 0; at < 20_000; at += 1) output.write("stdout", `line ${at} of a script\n`);
  output.flush();
  const text = bodies()
    .map((body) => body.text)
    .join("");
  assert.ok(text.startsWith("line 0 of a script\nline 1 "));
  assert.ok(text.length > maxLog * 0.9 && text.length <= maxLog, `${text.length}`);
  assert.equal(bodies().at(-1)?.isCut, true);
});

test("what an earlier process has kept counts", () => {
  const { output, bodies, again } = kept();
  for (let at = 0; at < 100_000; at += 1) output.write("stdout", "some words\n");
  output.flush();
  const before = bodies().length;
  assert.equal(bodies().at(-1)?.isCut, true);
  const next = again();
  next.write("stdout", "more\n");
  next.flush();
  assert.equal(bodies().length, before);
});
