// A database of every older hub is brought to this one's schema, with what is in it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { migrate } from "#hub/store/migrate.ts";
import { migrations } from "#hub/store/migrations.ts";
import type { NewEvent } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { Tables } from "#hub/store/tables.ts";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("migrations of the hub's store");
const directory = mkdtempSync(join(tmpdir(), "fleet-migrations-"));
test.after(() => rmSync(directory, { recursive: true }));

/** As the hub of that time left it: one device, its desired state and an entry of its journal. */
async function databaseOf(version: number): Promise<string> {
  const file = join(directory, `schema-${version}.db`);
  const database = new Database(file);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
  await migrate(db, 1, migrations.slice(0, version));
  database.exec(`
    insert into devices (id, secret_hash, enrolled_at, connection, last_seen_at, heartbeat_ms,
      desired_generation, observed_generation, sync, health, labels, agent_labels)
      values ('pi-1', 'h', 7, 'Online', 9, 1000, 3, 3, 'Synced', 'Healthy', '{"site":"a"}', '{}');
    insert into device_labels values ('site', 'a', 'pi-1');
    insert into journal values ('pi-1', 'e', 1, 'b', 1, 1, 'event', null, '{}', 5);
    insert into journal_marks (device, epoch, seq) values ('pi-1', 'e', 1);
    insert into events values (1, 5, 'pi-1', null, 'device', 'Normal', 'Old', 'it was');
    insert into counters values ('events', 1);
  `);
  await db.destroy();
  return file;
}

for (const { id: version, name } of migrations) {
  test(`a store of schema ${version} (${name}) opens with all that it held`, async () => {
    const file = await databaseOf(version);
    const store = await openStore({ file });
    const row = await store.device(id("pi-1"));
    assert.deepEqual(
      [row?.labels, row?.desiredGeneration, row?.mode, row?.retry, row?.edits],
      [{ site: "a" }, 3, "run", 0, { labels: {}, values: {} }],
    );
    assert.equal((await store.journal({ device: id("pi-1"), limit: 5 })).rows.length, 1);
    assert.equal((await store.addEvents([{ ...event, reason: "New" }]))[0]?.id, 2);
    assert.equal((await store.memoSlices()).schema, migrations.at(-1)?.id);
    await store.close();
    const database = new Database(file, { readonly: true });
    assert.deepEqual(schemaOf(database), schemaOf(new Database(await newest())));
    assert.deepEqual(database.pragma("foreign_key_check"), []);
    database.close();
  });
}

const event: NewEvent = {
  ...{ at: 6, device: null, app: null, reason: "", message: "it is" },
  source: "hub",
  type: "Normal",
};

async function newest(): Promise<string> {
  const file = join(directory, "newest.db");
  await (await openStore({ file })).close();
  return file;
}

function schemaOf(database: Database.Database): unknown[] {
  return database.prepare("select name, sql from sqlite_schema order by name").all();
}
