// The SQLite store: the contract, its durability settings, its schema and its refusals.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { openStore } from "#hub/store/sqlite.ts";
import { parseSelector } from "#shared/selector.ts";
import { addRun, anEvent, batchOf, enrolFleet, id } from "#test/contract/rows.ts";
import { type OpenedStore, storeContract } from "#test/contract/store.ts";
import { suite } from "#test/suite.ts";

function scratch(): { file: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "fleet-store-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  return { file: join(directory, "hub.db"), remove };
}

async function openScratch(): Promise<OpenedStore & { file: string }> {
  const { file, remove } = scratch();
  const store = await openStore({ file });
  const dispose = async (): Promise<void> => {
    await store.close();
    remove();
  };
  return { store, file, dispose };
}

storeContract("store on SQLite", openScratch);

const test = suite("SQLite store");

test("keeps everything over a restart, and closing twice is harmless", async () => {
  const { file, remove } = scratch();
  const first = await openStore({ file });
  await enrolFleet(first, 2);
  await first.appendJournal([{ device: id("pi-0000"), batch: batchOf("e", [1, 2]) }], 5);
  await first.addEvents([anEvent("A")]);
  await first.close();
  await first.close();
  const second = await openStore({ file });
  assert.equal((await second.allDevices()).length, 2);
  const [again] = await second.appendJournal(
    [{ device: id("pi-0000"), batch: batchOf("e", [2, 3]) }],
    6,
  );
  assert.deepEqual([again?.seq, again?.added.length], [3, 1]);
  assert.equal((await second.addEvents([anEvent("B")]))[0]?.id, 2);
  await second.close();
  remove();
});

test("the migrations leave the schema that schema.sql shows", async () => {
  const { file, dispose } = await openScratch();
  const root = join(import.meta.dirname, "..", "..", "..");
  const text = readFileSync(join(root, "schema.sql"), "utf8");
  const shown = new Database(":memory:");
  shown.exec(/-- === hub ===([\s\S]*)-- === end of hub ===/.exec(text)?.[1] ?? "");
  const migrated = new Database(file, { readonly: true });
  assert.deepEqual(schemaOf(migrated), schemaOf(shown));
  assert.ok(schemaOf(shown).length > 15);
  migrated.close();
  shown.close();
  await dispose();
});

function schemaOf(database: Database.Database): string[] {
  const rows = database.prepare("select name, sql from sqlite_schema order by name").all();
  return (rows as { name: string; sql: string | null }[]).map(
    ({ name, sql }) => `${name}: ${normalised(sql ?? "")}`,
  );
}

/** An added column stands behind the line end of the table's last one. */
function normalised(sql: string): string {
  return sql.replaceAll(/\s+/g, " ").replaceAll(/\( | \)| ,/g, (mark) => mark.trim());
}

test("a second process that reads meets a WAL database", async () => {
  const { file, dispose } = await openScratch();
  const reader = new Database(file, { readonly: true });
  assert.equal(reader.pragma("journal_mode", { simple: true }), "wal");
  reader.close();
  await dispose();
});

test("refuses a file that is not a database and says what to do", async () => {
  const { file, remove } = scratch();
  writeFileSync(file, "this is not a database, but it is long enough to look at".repeat(20));
  await assert.rejects(openStore({ file }), (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.code, "store_unavailable");
    assert.match(error.message, /damaged or is not a database/);
    assert.match(error.hint ?? "", /restore a backup/);
    return true;
  });
  remove();
});

test("refuses a database that a newer hub has written", async () => {
  const { file, dispose } = await openScratch();
  const other = new Database(file);
  other.prepare("insert into migrations values (999, 'future', 0)").run();
  other.close();
  await assert.rejects(openStore({ file }), {
    code: "store_unavailable",
    message: /schema 999/,
    hint: /newer version/,
    retry: "never",
  });
  await dispose();
});

test("names a directory that is not there", async () => {
  const file = join(tmpdir(), "fleet-store-none", "missing", "hub.db");
  await assert.rejects(openStore({ file }), { code: "store_unavailable", subject: file });
});

test("a failing statement is store_unavailable with the driver's error as cause", async () => {
  const { store, dispose } = await openScratch();
  await store.addToken({ hash: "t", expiresAt: 1, device: null, createdAt: 0 });
  const twice = store.addToken({ hash: "t", expiresAt: 1, device: null, createdAt: 0 });
  await assert.rejects(twice, (error: Error & { code?: string }) => {
    assert.equal(error.code, "store_unavailable");
    assert.equal((error.cause as { code?: string }).code, "SQLITE_CONSTRAINT_PRIMARYKEY");
    return true;
  });
  await dispose();
});

test("a page by selector reads its own rows and not the fleet", async () => {
  const { store, dispose } = await openScratch();
  await enrolFleet(store, 100);
  const before = store.stats();
  const selector = parseSelector("n in (7, 70)");
  await store.devices({ selector, sort: "id", order: "asc", limit: 50 });
  const after = store.stats();
  assert.equal(after.rowsRead - before.rowsRead, 2);
  assert.equal(after.statements - before.statements, 1);
  await dispose();
});

test("200 heartbeats are one update", async () => {
  const { store, dispose } = await openScratch();
  const ids = await enrolFleet(store, 200);
  const before = store.stats();
  await store.changeDevices(ids.map((device) => ({ id: device, lastSeenAt: 9 })));
  const after = store.stats();
  assert.equal(after.rowsWritten - before.rowsWritten, 200);
  assert.equal(after.statements - before.statements, 3, "begin, update, commit");
  await dispose();
});

test("memos read the last runs of a device, and not a year of them", async () => {
  const { store, dispose } = await openScratch();
  const [pi] = await enrolFleet(store, 1);
  assert.ok(pi !== undefined);
  const head = { state: "Succeeded", isStanding: false } as const;
  for (let n = 0; n < 80; n += 1) await addRun(store, pi, { orderedAt: n, head });
  const before = store.stats().rowsRead;
  const rows = (await store.memoSlices()).own.get(pi)?.["runs"] ?? [];
  assert.deepEqual([rows.length, rows[0]?.["id"], rows[63]?.["id"]], [64, "run00080", "run00017"]);
  assert.ok(store.stats().rowsRead - before < 80);
  await dispose();
});

test("memos do not read the reports that they leave out", async () => {
  const { store, file, dispose } = await openScratch();
  await enrolFleet(store, 4);
  const other = new Database(file);
  other.exec("update devices set reported = zeroblob(16000000) where id > 'pi-0000'");
  other.close();
  const before = process.memoryUsage().arrayBuffers;
  const { own } = await store.memoSlices();
  const read = process.memoryUsage().arrayBuffers - before;
  assert.ok(read < 16_000_000, `${read} bytes were read`);
  assert.equal(own.size, 4);
  await dispose();
});

const plans: [string, string][] = [
  [
    "select id from devices where id in (select device from device_labels where key = 'a' and value in ('b'))",
    "a label selector",
  ],
  [
    "select id from devices where id in (select device from device_labels where key = 'a' and value in ('b')) order by id limit 5",
    "a page of a label selector",
  ],
  [
    "with change (id, last_seen_at) as (values (cast('a' as text), cast(1 as bigint))) update devices set last_seen_at = change.last_seen_at from change where devices.id = change.id",
    "a batch of changes",
  ],
  ["select id from devices where (last_seen_at, id) > (1, 'a') order by last_seen_at, id", "pages"],
  [
    "select * from journal where device = 'a' and (received_at, epoch, seq) < (1, 'a', 1) order by received_at desc, epoch desc, seq desc",
    "a journal's page",
  ],
  [
    "delete from journal where (device, epoch, seq) in (select device, epoch, seq from journal where kind in ('event', 'health.sampled') and received_at < 5 limit 9)",
    "what is old in the journal",
  ],
  [
    "delete from events where id in (select id from events where at < 5 limit 9)",
    "what is old among the events",
  ],
  [
    "select * from events where type = 'Warning' and id < 9 order by id desc limit 9",
    "a page of the warnings",
  ],
  [
    "delete from runs where id in (select id from runs where ordered_at < 5 and standing = 0 and state not in ('Pending', 'Running') limit 9)",
    "what is old among the runs",
  ],
  [
    "select * from runs where device = 'a' and id < 'b' order by id desc limit 9",
    "runs of a device",
  ],
];
for (const [sql, what] of plans) {
  test(`${what} is looked up in an index`, async () => {
    const { file, dispose } = await openScratch();
    const database = new Database(file, { readonly: true });
    const steps = database.prepare(`explain query plan ${sql}`).all() as { detail: string }[];
    const scans = steps.filter(({ detail }) =>
      /SCAN (devices|device_labels|journal|events|runs)/.test(detail),
    );
    assert.deepEqual(scans, [], steps.map(({ detail }) => detail).join("\n"));
    database.close();
    await dispose();
  });
}
