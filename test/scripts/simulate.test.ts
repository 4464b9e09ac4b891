import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { createMemoryJournal } from "#scripts/simulate/journal.ts";
import { requireRoom } from "#scripts/simulate/limits.ts";
import { noCounts, type Summary, summarise } from "#scripts/simulate/tally.ts";
import { systemClock } from "#shared/clock.ts";
import { desiredState, envelope, withScratch } from "#test/edge/journal/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("simulator", { limitMs: 240_000 });
const root = join(import.meta.dirname, "..", "..");

/** Its temporary files go to the directory, so that what is left can be seen. */
function simulate(directory: string, ...args: string[]) {
  return spawn(
    process.execPath,
    [join(root, "scripts", "run.mjs"), "scripts/simulate/main.ts", ...args],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: directory } },
  );
}

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-simulator-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Processes that the child has started. */
function childrenOf({ pid }: ChildProcess): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return list === "" ? [] : list.split(" ").map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("brings every device of two processes to Synced on a hub of its own, and ends by itself", () =>
  withDirectory(async (directory) => {
    const quick = ["--apply-seconds", "0.3", "--sample-seconds", "1", "--heartbeat-seconds", "1"];
    const size = ["--devices", "12", "--processes", "2", "--seconds", "12"];
    const run = simulate(directory, ...size, ...quick, "--json");
    const [out, progress] = await Promise.all([text(run.stdout), text(run.stderr)]);
    assert.equal(run.exitCode ?? (await once(run, "exit"))[0], 0, progress);
    const summary = JSON.parse(out) as Summary;
    const { devices, connected, synced, reconnects, errors } = summary;
    assert.deepEqual(
      { devices, connected, synced, reconnects, errors },
      { devices: 12, connected: 12, synced: 12, reconnects: 0, errors: 0 },
    );
    // Each device: started, told, update started and finished, then samples.
    assert.ok(summary.journalEntries >= 12 * 4 && summary.acked >= 12 * 4, out);
    assert.ok(summary.reported >= 24 && summary.beats >= 24, out);
    assert.ok((summary.desiredLatencyP50Ms ?? -1) >= 0);
    assert.ok((summary.desiredLatencyP95Ms ?? -1) >= (summary.desiredLatencyP50Ms ?? 0));
    assert.match(progress, /12\/12 connected/);
    assert.deepEqual(readdirSync(directory), []);
  }));

test("leaves no process when it is killed", () =>
  withDirectory(async (directory) => {
    const run = simulate(directory, "--devices", "2", "--seconds", "200");
    run.stdout.resume();
    for await (const chunk of run.stderr) if (String(chunk).includes("2/2 connected")) break;
    const children = childrenOf(run);
    assert.equal(children.length, 2);
    run.kill("SIGKILL");
    while (children.some(isAlive)) await systemClock.sleep(50);
  }));

test("wants a token file with the address of a hub", () =>
  withDirectory(async (directory) => {
    const run = simulate(directory, "--devices", "2", "--hub", "http://127.0.0.1:1");
    run.stdout.resume();
    const said = await text(run.stderr);
    assert.match(said, /--token-file/);
    assert.equal(run.exitCode ?? (await once(run, "exit"))[0], 1);
  }));

test("says how many processes would do when the open files do not suffice", () => {
  const wanted = { devices: 3000, processes: 1, ownHub: false };
  assert.throws(() => requireRoom(wanted, 1024), {
    code: "config_invalid",
    hint: /--processes 5 /,
  });
  requireRoom({ ...wanted, processes: 5 }, 1024);
  assert.throws(() => requireRoom({ ...wanted, processes: 5, ownHub: true }, 1024), {
    message: /a hub with 3000 connections/,
  });
});

test("takes percentiles by the nearest rank", () => {
  const latencies = Array.from({ length: 100 }, (_, index) => 100 - index);
  const summary = summarise(noCounts, latencies, 1);
  assert.deepEqual([summary.desiredLatencyP50Ms, summary.desiredLatencyP95Ms], [50, 95]);
  assert.equal(summarise(noCounts, [], 1).desiredLatencyP50Ms, null);
});

type Step = { append: number } | { acknowledge: number } | { receive: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ append: fc.constantFrom(0, 300, 3000) }),
    fc.record({ acknowledge: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ receive: fc.integer({ min: 1, max: 4 }) }),
  ) satisfies fc.Arbitrary<Step>,
  { maxLength: 40 },
);

test("keeps its journals in memory by the rules of the one on disk", async () => {
  await fc.assert(
    fc.asyncProperty(steps, (story) =>
      withScratch(({ open, clock }) => {
        const onDisk = open();
        const inMemory = createMemoryJournal(clock, onDisk.bootId);
        let handedOut = 0;
        for (const step of story) {
          const results = [onDisk, inMemory].map((journal) => {
            if ("append" in step) {
              return journal.append({ kind: "event", body: { text: "x".repeat(step.append) } });
            }
            if ("receive" in step) return journal.receive(desiredState(step.receive), envelope);
            // A hub that has more than that makes the one on disk start a new epoch.
            const seq = Math.min(step.acknowledge, handedOut);
            return journal.acknowledge({ epoch: journal.epoch, seq });
          });
          assert.equal(results[0], results[1]);
          const [a, b] = [onDisk, inMemory].map((journal) => {
            // Bytes are left out: the two clocks differ in digits, and so do sizes near a bound.
            const batch = journal.batch({ maxEntries: 5, maxBytes: 64_000 });
            handedOut = Math.max(handedOut, batch?.to ?? 0);
            return [batch?.from, batch?.to, batch?.entries.length];
          });
          assert.deepEqual(a?.slice(0, 2), b?.slice(0, 2));
        }
        assert.equal(onDisk.unacknowledged(), unacknowledged(inMemory.counts()));
        assert.deepEqual(onDisk.desired(), inMemory.desired());
      }),
    ),
    { numRuns: 40 },
  );
});

function unacknowledged(counts: { entries: number; acknowledged: number }): number {
  return counts.entries - counts.acknowledged;
}
