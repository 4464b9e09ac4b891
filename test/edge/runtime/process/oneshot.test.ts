// One short command: its end, its deadline, and what it leaves behind.
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { endingOf, type OneShot, runOnce } from "#edge/runtime/process/oneshot.ts";
import { suite } from "#test/suite.ts";

const test = suite("one short command");

const run = (script: string, more: Partial<OneShot> = {}) =>
  runOnce({
    command: ["/bin/sh", "-c", script],
    directory: tmpdir(),
    environment: { WORD: "given", PATH: "/usr/bin:/bin" },
    timeoutMs: 30_000,
    ...more,
  });

test("gives the exit code and the end of both streams", async () => {
  const result = await run('echo "$WORD"; echo aside >&2; exit 3');
  assert.equal(result.exitCode, 3);
  assert.deepEqual(result.output.split("\n").toSorted(), ["aside", "given"]);
  assert.equal((await run("yes | head -c 100000; echo end")).output.slice(-4), "\nend");
});

for (const [what, script, ending] of [
  ["a pass", "exit 0", undefined],
  ["a code without a word", "exit 7", "ended with code 7"],
  ["a code with its last line", "echo first; echo last; exit 7", "ended with code 7: last"],
  ["a signal", "kill -SEGV $$", "was ended by SIGSEGV"],
  ["the deadline", "sleep 60", "did not end within 0.3 s"],
] as const) {
  test(`tells the end by ${what}`, async () => {
    const result = await run(script, { timeoutMs: script === "sleep 60" ? 300 : 30_000 });
    assert.equal(endingOf(result, 300), ending);
  });
}

test("what cannot start is a result with its errno", async () => {
  const result = await run("", { command: ["/absent"] });
  assert.equal(result.errno, "ENOENT");
  assert.equal(endingOf(result, 5000), "could not start (ENOENT)");
});

test("an abort ends it, and is no deadline", async () => {
  const result = await run("sleep 60", { signal: AbortSignal.timeout(100) });
  assert.equal(result.timedOut, false);
  assert.equal(result.exitSignal, "SIGKILL");
  const before = await run("sleep 60", { signal: AbortSignal.abort() });
  assert.equal(before.exitSignal, "SIGKILL");
});
