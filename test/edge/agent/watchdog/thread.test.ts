import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { suite } from "#test/suite.ts";

const test = suite("watch thread");
const limitMs = 800;
/** For a process that is fed, however little of the processor it gets. */
const patientMs = 2000;

async function run(
  mode: string,
  givenMs = limitMs,
  meanwhile?: (child: ChildProcess) => Promise<void>,
) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "hanging.ts"), `${givenMs}`, mode],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let words = "";
  child.stderr.on("data", (chunk) => (words += chunk));
  const closed = once(child, "close");
  const ready = await Promise.race([once(child.stdout, "data"), closed]);
  assert.equal(String(ready[0]), "ready\n", words);
  const beganMs = performance.now();
  await meanwhile?.(child);
  const [code, signal] = await closed;
  return { code, signal, words, tookMs: performance.now() - beganMs };
}

for (const mode of ["block", "spin", "starve"]) {
  test(`ends a process whose main thread is gone (${mode}), and says at what`, async () => {
    const { signal, words, tookMs } = await run(mode);
    assert.equal(signal, "SIGKILL");
    assert.equal(words, "the agent hangs since 1 s and ends itself: start of web\n");
    assert.ok(tookMs >= limitMs - 50 && tookMs < 10_000, `${tookMs} ms`);
  });
}

test("ends a process that lives but is not fed, and says why it is not", async () => {
  const { signal, words } = await run("overdue");
  assert.equal(signal, "SIGKILL");
  assert.match(words, /ends itself: stop of web does not end\n$/);
});

test("leaves one alone that is fed, and is gone when it is stopped", async () => {
  assert.deepEqual(
    { ...(await run("feed", patientMs)), tookMs: 0 },
    { code: 0, signal: null, words: "", tookMs: 0 },
  );
});

test("ends one that hangs in its ending", async () => {
  const { signal, words } = await run("stopping");
  assert.equal(signal, "SIGKILL");
  assert.match(words, /ends itself: stopping/);
});

test("does not hold a process that ends", async () => {
  assert.equal((await run("end")).code, 0);
  assert.equal((await run("")).code, 0);
});

test("blames nobody for time in which the whole process was stopped", async () => {
  const { code, words } = await run("feed", patientMs, async (child) => {
    await wait(100);
    child.kill("SIGSTOP");
    await wait(1.5 * patientMs);
    child.kill("SIGCONT");
  });
  assert.deepEqual([code, words], [0, ""]);
});
