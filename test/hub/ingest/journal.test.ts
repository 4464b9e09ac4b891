// Journals: acknowledged only once they are stored, and each entry's event told exactly once.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AppendedJournal } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { anEntry, batchOf, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { pi, withIngest } from "./fixture.ts";

const test = suite("journal ingest", { limitMs: 240_000 });

test("one acknowledgement per device and epoch, for all batches that came together", async () => {
  await withIngest(async ({ send, clock, acks, ingest }) => {
    send(pi, "journal", batchOf("e1", [1, 2]));
    send(pi, "journal", batchOf("e1", [3]));
    send("pi-0001", "journal", batchOf("e9", [1]));
    await clock.advance(200);
    assert.deepEqual(acks.toSorted(), ["pi-0000 e1 3", "pi-0001 e9 1"]);
    assert.equal(ingest.counters().journalEntries, 4);
  });
});

test("after a gap the acknowledgement tells from where to send again", async () => {
  await withIngest(async ({ send, clock, acks, store }) => {
    send(pi, "journal", batchOf("e1", [1, 2]));
    await clock.advance(200);
    send(pi, "journal", batchOf("e1", [7, 8]));
    await clock.advance(200);
    assert.deepEqual(acks, [`${pi} e1 2`, `${pi} e1 2`]);
    assert.equal((await store.journal({ device: id(pi), limit: 50 })).rows.length, 2);
  });
});

test("no acknowledgement before the commit", async () => {
  const commit = Promise.withResolvers<void>();
  await withIngest(
    async ({ send, clock, acks }) => {
      send(pi, "journal", batchOf("e1", [1]));
      await clock.advance(500);
      assert.deepEqual(acks, []);
      commit.resolve();
      await clock.settle();
      assert.deepEqual(acks, [`${pi} e1 1`]);
    },
    (store) => ({
      store: {
        ...store,
        appendJournal: async (...args): Promise<AppendedJournal[]> => {
          const appended = await store.appendJournal(...args);
          await commit.promise;
          return appended;
        },
      },
    }),
  );
});

test("a batch that could not be stored is not acknowledged, and counts when it comes again", async () => {
  let away = true;
  await withIngest(
    async ({ send, clock, acks, ingest }) => {
      send(pi, "journal", batchOf("e1", [1]));
      await clock.advance(500);
      const byHttp = ingest.accept(id(pi), "journal", batchOf("e1", [1]));
      await Promise.all([clock.advance(5000), assert.rejects(byHttp, { message: "planted" })]);
      assert.deepEqual(acks, []);
      assert.equal(ingest.counters().journalsDeferred, 2);
      away = false;
      send(pi, "journal", batchOf("e1", [1]));
      await clock.advance(2000);
      assert.deepEqual(acks, [`${pi} e1 1`]);
    },
    (store) => ({
      store: {
        ...store,
        appendJournal: async (...args): Promise<AppendedJournal[]> => {
          if (away) throw new Error("planted");
          return store.appendJournal(...args);
        },
      },
    }),
  );
});

test("entries that are facts become events, once however often they come", async () => {
  await withIngest(async ({ send, clock, store, reasons }) => {
    const update = {
      attempt: "a",
      revision: "r",
      digest: "d",
      commit: "c0ffee00aa",
      durationMs: 1,
    };
    const entries = [
      anEntry(1, { kind: "agent.started" }),
      anEntry(2, { body: { type: "Warning", reason: "ReleaseQuarantined", message: "m" } }),
      anEntry(3, {
        kind: "update.finished",
        app: "web",
        body: { ...update, outcome: "rolledBack", message: "port 80 is taken" },
      }),
      anEntry(4, { kind: "drift.repaired", app: "web" }),
      anEntry(5, { kind: "desired.refused", body: { message: "bad signature" } }),
      anEntry(6, { kind: "event", body: { reason: "not an event" } }),
      anEntry(7, { kind: "health.sampled" }),
    ];
    for (let round = 0; round < 3; round += 1) {
      send(pi, "journal", { epoch: "e1", from: 1, to: 7, entries });
      await clock.advance(200);
    }
    assert.deepEqual(await reasons(pi), [
      "DeviceOnline",
      "ReleaseQuarantined",
      "UpdateRolledBack",
      "DriftRepaired",
      "DesiredRefused",
    ]);
    const { rows } = await store.events({ reason: "UpdateRolledBack", limit: 1 });
    assert.equal(
      rows[0]?.message,
      "update of web to commit c0ffee00 was rolled back: port 80 is taken",
    );
    // The device's clock stands in 1970.
    assert.ok((rows[0]?.at ?? 0) > 1_700_000_000_000);
  });
});

test("killed at any time, the hub has every entry it acknowledged, and one event for each", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-ingest-"));
  const file = join(directory, "hub.db");
  let acknowledged = 0;
  for (let round = 0; round < 3; round += 1) {
    acknowledged = Math.max(acknowledged, await runUntilKilled(file, 40 + round * 37));
    const store = await openStore({ file });
    const [mark] = await store.appendJournal(
      [{ device: id(pi), batch: { epoch: "e", from: 1, to: 1, entries: [] } }],
      1,
    );
    const { rows } = await store.journal({ device: id(pi), limit: 1_000_000 });
    const { rows: events } = await store.events({ reason: "Counted", limit: 1_000_000 });
    assert.ok((mark?.seq ?? 0) >= acknowledged, `${mark?.seq} < ${acknowledged}`);
    assert.equal(rows.length, mark?.seq);
    assert.deepEqual(
      events.map(({ message }) => Number(message)).toSorted((a, b) => a - b),
      rows.map(({ seq }) => seq).toSorted((a, b) => a - b),
    );
    await store.close();
  }
  assert.ok(acknowledged > 0);
  rmSync(directory, { recursive: true, force: true });
});

/** @returns the highest seq that the hub acknowledged before it was killed */
async function runUntilKilled(file: string, afterAcks: number): Promise<number> {
  const script = fileURLToPath(import.meta.resolve("./journal_child.ts"));
  const child = spawn(process.execPath, [script, file], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split("\n").length > afterAcks) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return Math.max(0, ...text.split("\n").slice(0, -1).map(Number));
}
