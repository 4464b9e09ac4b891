// What the store keeps of one device is bounded, on the real database with allowances set small.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { inMemory } from "#edge/journal/database.ts";
import { openJournal } from "#edge/journal/open.ts";
import type { Allowance } from "#hub/store/holding_port.ts";
import { migrate } from "#hub/store/migrate.ts";
import { entryBytes, eventBytes, isMinor } from "#hub/store/migrations/holdings.ts";
import { migrations } from "#hub/store/migrations.ts";
import type { DeviceChange, NewEvent, Store } from "#hub/store/port.ts";
import type { PruneLimits } from "#hub/store/prune_port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { Tables } from "#hub/store/tables.ts";
import { type EntryKind, EventBody, type JournalBatch } from "#shared/journal.ts";
import { anEntry, anEvent, enrolFleet, id } from "#test/contract/rows.ts";
import { stillClock } from "#test/edge/journal/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("what is kept of a device", { limitMs: 60_000 });
const directory = mkdtempSync(join(tmpdir(), "fleet-holdings-"));
test.after(() => rmSync(directory, { recursive: true }));

const [mad, calm] = [id("pi-0000"), id("pi-0001")];
const dayMs = 86_400_000;
let files = 0;

interface World {
  store: Store;
  file: string;
  clock: { now: number };
}

async function withStore(
  allowance: Allowance,
  body: (world: World) => Promise<void>,
): Promise<void> {
  files += 1;
  const file = join(directory, `${files}.db`);
  const clock = { now: 1_000_000 };
  const store = await openStore({ file, now: () => clock.now, allowance });
  await enrolFleet(store, 2);
  await body({ store, file, clock });
  assertCounted(file);
  await store.close();
}

/** What is counted is what a look at every row finds. */
function assertCounted(file: string): void {
  const database = new Database(file, { readonly: true });
  const kept = database
    .prepare(
      `select device, journal_bytes as journal, event_bytes as events from holdings
       where journal_bytes <> 0 or event_bytes <> 0 order by device`,
    )
    .all();
  const found = database
    .prepare(
      `select device, sum(j) as journal, sum(e) as events from (
         select device, ${entryBytes} as j, 0 as e from journal union all
         select device, 0, ${eventBytes} from events where device is not null)
       group by device order by device`,
    )
    .all();
  database.close();
  assert.deepEqual(kept, found);
}

/** One entry of each kind by turns. */
function batch(epoch: string, from: number, kinds: EntryKind[], body = {}): JournalBatch {
  const entries = kinds.map((kind, at) => anEntry(from + at, { kind, body }));
  return { epoch, from, to: from + kinds.length - 1, entries };
}

async function kept(store: Store, device = mad): Promise<string[]> {
  const { rows } = await store.journal({ device, limit: 10_000 });
  return rows.map(({ seq, kind }) => `${seq} ${kind}`).toReversed();
}

function about(device: typeof mad, reason: string): NewEvent {
  return { ...anEvent(reason), device };
}

async function reasons(store: Store, device = mad): Promise<string[]> {
  const { rows } = await store.events({ device, limit: 10_000 });
  return rows.map(({ reason }) => reason).toReversed();
}

function limits(over: Partial<PruneLimits>): PruneLimits {
  const before = { journalBefore: 0, updatesBefore: 0, eventsBefore: 0, tokensBefore: 0 };
  const releases = { releasesBefore: 0, releasesPerBranch: 1, releasesInUse: [] };
  return { ...before, ...releases, cutBefore: 0, maxRows: 500, ...over };
}

const roomy = 1_000_000;
/** An entry of these tests: 320, a boot id of two letters, and `{}`. */
const entryWeighs = 324;

test("a device that floods loses its own minor entries, the oldest first, and is acknowledged", () =>
  withStore({ journalBytes: 6 * entryWeighs, eventBytes: roomy }, async ({ store }) => {
    const first = batch("e", 1, ["update.started", "health.sampled", "update.finished"]);
    await store.appendJournal([{ device: calm, batch: first }], 10);
    await store.appendJournal([{ device: mad, batch: first }], 10);
    for (let from = 4; from < 40; from += 4) {
      const flood = batch("e", from, ["event", "event", "event", "event"]);
      const [ack] = await store.appendJournal([{ device: mad, batch: flood }], from * 10);
      assert.deepEqual([ack?.seq, ack?.added.length], [from + 3, 4]);
    }
    const updates = ["1 update.started", "3 update.finished"];
    assert.deepEqual(await kept(store), [
      ...updates,
      "36 event",
      "37 event",
      "38 event",
      "39 event",
    ]);
    assert.equal((await kept(store, calm)).length, 3);
    assert.deepEqual(await reasons(store), ["AllowanceExceeded"]);
    assert.deepEqual(await reasons(store, calm), []);
    assert.deepEqual(await store.cuts(), { entries: 33, events: 0, devices: 1 });
    const again = await store.appendJournal([{ device: mad, batch: first }], 500);
    assert.deepEqual([again[0]?.seq, again[0]?.added], [39, []], "nothing that went comes back");
  }));

test("updates go only once nothing else is left", () =>
  withStore({ journalBytes: 3 * entryWeighs, eventBytes: roomy }, async ({ store }) => {
    const all = batch("e", 1, ["update.started", "event", "run.log", "step.started", "event"]);
    await store.appendJournal([{ device: mad, batch: all }], 10);
    assert.deepEqual(await kept(store), ["1 update.started", "3 run.log", "4 step.started"]);
    const more = batch("e", 6, ["run.ended", "update.started"]);
    await store.appendJournal([{ device: mad, batch: more }], 20);
    assert.deepEqual(await kept(store), ["4 step.started", "6 run.ended", "7 update.started"]);
  }));

test("one entry larger than the allowance is acknowledged and not kept", () =>
  withStore({ journalBytes: 2 * entryWeighs, eventBytes: roomy }, async ({ store }) => {
    const large = batch("e", 1, ["run.log"], { text: "ä".repeat(10_000) });
    const [ack] = await store.appendJournal([{ device: mad, batch: large }], 10);
    assert.equal(ack?.seq, 1);
    assert.deepEqual(await kept(store), []);
    assert.deepEqual(
      ack?.events.map(({ reason }) => reason),
      ["AllowanceExceeded"],
    );
  }));

test("events that a device causes are bounded as well, whatever tells of them", () =>
  withStore({ journalBytes: roomy, eventBytes: 2000 }, async ({ store }) => {
    await store.addEvents([about(calm, "Enrolled"), about(mad, "Enrolled")]);
    for (let n = 0; n < 20; n += 1) {
      const change: DeviceChange = { id: mad, connection: n % 2 === 0 ? "Online" : "Offline" };
      await store.changeDevices([change], [about(mad, `Flapped${n}`)]);
    }
    const flood = batch(
      "e",
      1,
      Array.from({ length: 20 }, (): EntryKind => "event"),
    );
    const told = await store.appendJournal([{ device: mad, batch: flood }], 10, (_, { seq }) =>
      about(mad, `Told${seq}`),
    );
    assert.equal(told[0]?.events.length, 20);
    const left = await reasons(store);
    assert.ok(left.length >= 10 && left.length <= 12, String(left.length));
    assert.equal(left.at(-1), "Told20");
    assert.deepEqual(await reasons(store, calm), ["Enrolled"]);
    assert.equal((await store.cuts()).events, 1 + 20 + 20 + 1 - left.length);
    const { rows } = await store.events({ reason: "AllowanceExceeded", limit: 9 });
    assert.equal(rows.length, 0, "it was told once, and is long over");
    assert.deepEqual(
      (await store.exceeding(9)).map(({ device, since }) => [device, since]),
      [[mad, 1_000_000]],
    );
  }));

test("upkeep brings a device well below its allowance, and a quiet day ends the matter", () =>
  withStore({ journalBytes: 20 * entryWeighs, eventBytes: roomy }, async ({ store, clock }) => {
    const kinds = Array.from({ length: 30 }, (): EntryKind => "event");
    await store.appendJournal([{ device: mad, batch: batch("e", 1, kinds) }], 10);
    assert.equal((await kept(store)).length, 20);
    assert.equal((await store.prune(limits({ maxRows: 1 }))).cut, 1);
    assert.equal((await store.prune(limits({}))).cut, 1);
    assert.equal((await store.prune(limits({}))).cut, 0);
    assert.equal((await kept(store)).length, 18);
    assert.equal((await store.exceeding(9)).length, 1);
    await store.appendJournal([{ device: mad, batch: batch("e", 31, ["event"]) }], 20);
    clock.now += 2 * dayMs;
    await store.prune(limits({ cutBefore: clock.now - dayMs }));
    assert.deepEqual(await store.exceeding(9), []);
    await store.appendJournal([{ device: mad, batch: batch("e", 32, kinds) }], 30);
    assert.deepEqual(await reasons(store), ["AllowanceExceeded", "AllowanceExceeded"]);
    assert.equal((await store.exceeding(9))[0]?.since, clock.now);
  }));

test("an allowance that was lowered is kept by and by, and holds up nobody", () =>
  withStore({ journalBytes: 4_000_000, eventBytes: roomy }, async ({ store, file }) => {
    const kinds = Array.from({ length: 20 }, (): EntryKind => "event");
    const large = batch("e", 1, kinds, { text: "x".repeat(100_000) });
    await store.appendJournal([{ device: mad, batch: large }], 10);
    const allowance = { journalBytes: 200_000, eventBytes: roomy };
    const lowered = await openStore({ file, allowance });
    await lowered.appendJournal([{ device: mad, batch: batch("e", 21, ["event"]) }], 20);
    assert.equal((await kept(lowered)).length, 18);
    await lowered.prune(limits({}));
    assert.deepEqual(await kept(lowered), ["20 event", "21 event"]);
    await lowered.close();
  }));

test("what goes by its age makes room again", () =>
  withStore({ journalBytes: 10 * entryWeighs, eventBytes: roomy }, async ({ store }) => {
    const kinds = Array.from({ length: 10 }, (): EntryKind => "event");
    const append = (from: number, at: number) =>
      store.appendJournal([{ device: mad, batch: batch("e", from, kinds) }], at, (_, { seq }) =>
        about(mad, `Told${seq}`),
      );
    await append(1, 10);
    await store.prune(limits({ journalBefore: 20, eventsBefore: 5000 }));
    assert.deepEqual([await kept(store), await reasons(store)], [[], []]);
    await append(11, 30);
    assert.equal((await kept(store)).length, 10);
    assert.deepEqual(await store.cuts(), { entries: 0, events: 0, devices: 0 });
  }));

test("all that a full journal of an edge holds fits into four times its bound", async () => {
  const maxBytes = 200_000;
  const journal = openJournal({
    ...{ file: inMemory, clock: stillClock(), bootId: randomUUID(), limits: { maxBytes } },
  });
  const body = { type: "Warning", reason: "Mad", message: "again" } as const;
  for (let n = 0; n < 4000; n += 1) {
    journal.append(n % 2 === 0 ? { kind: "event", body } : { kind: "agent.started", body: {} });
  }
  journal.prune();
  const waiting = journal.unacknowledged();
  assert.ok(waiting < 4000, "the journal is at its bound");
  const allowance = { journalBytes: 4 * maxBytes, eventBytes: 2 * maxBytes };
  await withStore(allowance, async ({ store }) => {
    for (;;) {
      const next = journal.batch({ maxEntries: 1000, maxBytes: 200_000 });
      if (next === undefined) break;
      const [ack] = await store.appendJournal([{ device: mad, batch: next }], 10, (_, entry) => {
        const told = EventBody.safeParse(entry.body).data;
        return told === undefined ? null : { ...about(mad, told.reason), message: told.message };
      });
      assert.ok(ack !== undefined && ack.seq === next.to);
      journal.acknowledge(ack);
    }
    assert.equal((await kept(store)).length, waiting);
    assert.deepEqual(await store.cuts(), { entries: 0, events: 0, devices: 0 });
  });
  journal.close();
});

test("finds what goes first without reading what stays", () =>
  withStore({ journalBytes: roomy, eventBytes: roomy }, async ({ file }) => {
    const database = new Database(file, { readonly: true });
    const plan = (sql: string): string =>
      database
        .prepare<[], { detail: string }>(`explain query plan ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join("; ");
    const oldest = "order by received_at, epoch, seq limit 500";
    const minor = plan(`select epoch from journal where device = 'a' and ${isMinor} ${oldest}`);
    const all = plan(`select epoch from journal where device = 'a' ${oldest}`);
    const events = plan("select id from events where device = 'a' order by id limit 500");
    const over = plan("select * from holdings where exceeded_at is not null order by exceeded_at");
    database.close();
    assert.match(minor, /^SEARCH journal USING (COVERING )?INDEX journal_minor \(device=\?\)$/);
    assert.match(all, /^SEARCH journal USING COVERING INDEX journal_by_arrival \(device=\?\)$/);
    assert.match(events, /^SEARCH events USING COVERING INDEX events_by_device \(device=\?\)$/);
    assert.match(over, /^SEARCH holdings USING INDEX holdings_exceeded /);
  }));

test("what an earlier hub has stored is counted", async () => {
  const file = join(directory, "earlier.db");
  const database = new Database(file);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  const step = migrations.findIndex(({ statements }) =>
    statements.some((statement) => statement.startsWith("create table holdings")),
  );
  await migrate(db, 1, migrations.slice(0, step));
  database.exec(`
    insert into journal values ('a', 'e', 1, 'boot', 1, 1, 'event', 'web', '{"ä":1}', 5);
    insert into journal values ('b', 'e', 1, 'boot', 1, 1, 'event', null, '{}', 5);
    insert into events values (1, 5, 'a', null, 'device', 'Normal', 'Old', 'it was');
    insert into events values (2, 5, null, null, 'hub', 'Normal', 'Old', 'of nobody');
  `);
  await db.destroy();
  await (await openStore({ file })).close();
  assertCounted(file);
});
