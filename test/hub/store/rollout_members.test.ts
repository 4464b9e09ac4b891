// The devices of a large rollout, page by page, each found by its place in the order of release.
import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { migrate } from "#hub/store/migrate.ts";
import type { MemberQuery } from "#hub/store/rollout_port.ts";
import { rolloutStore } from "#hub/store/rollouts.ts";
import type { Tables } from "#hub/store/tables.ts";
import { suite } from "#test/suite.ts";

const test = suite("devices of a rollout", { limitMs: 60_000 });

/** Rollout 1 with so many devices, released from the last name to the first, and rollout 2 with one of them. */
async function largeRollout(devices: number) {
  const database = new Database(":memory:");
  const statements: string[] = [];
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }) => void statements.push(query.sql),
  });
  await migrate(db, 1);
  database.exec(`
    create temp table numbers as with recursive n (at) as
      (select 0 union all select at + 1 from n where at < ${devices - 1}) select at from n;
    insert into devices (id, secret_hash, enrolled_at, connection, last_seen_at, heartbeat_ms,
      desired_generation, observed_generation, sync, health, labels, agent_labels)
      select format('pi-%05d', at), 'h', 1, 'Online', 1, 1, 1, 1, 'Synced', 'Healthy', '{}', '{}' from numbers;
    pragma foreign_keys = off;
    insert into rollout_devices (rollout, device, place, state, before, changed_at)
      select 1, format('pi-%05d', at), ${devices - 1} - at, 'Pending', 'a', 1 from numbers;
    insert into rollout_devices (rollout, device, place, state, before, changed_at)
      values (2, 'pi-00000', 0, 'Failed', 'a', 1);
  `);
  return { store: rolloutStore(db), database, statements, close: () => db.destroy() };
}

type Large = Awaited<ReturnType<typeof largeRollout>>;

async function pagesOf({ store }: Large, query: MemberQuery): Promise<string[][]> {
  const pages: string[][] = [];
  let from: { cursor?: string } = {};
  for (;;) {
    const { rows, next } = await store.rolloutDevices({ ...query, ...from });
    pages.push(rows.map(({ device }) => device));
    if (next === null) return pages;
    from = { cursor: next };
  }
}

test("pages through 5,000 devices once each, in the order of their release", async () => {
  const large = await largeRollout(5000);
  const pages = await pagesOf(large, { rollout: 1, limit: 500 });
  assert.deepEqual(
    [pages.length, new Set(pages.map(({ length }) => length))],
    [10, new Set([500])],
  );
  const expected = Array.from(
    { length: 5000 },
    (_, at) => `pi-${String(4999 - at).padStart(5, "0")}`,
  );
  assert.deepEqual(pages.flat(), expected);
  assert.deepEqual(await pagesOf(large, { rollout: 2, limit: 500 }), [["pi-00000"]]);
  assert.deepEqual(await pagesOf(large, { rollout: 3, limit: 500 }), [[]]);
  await large.close();
});

test("a page reads its own rows and no others", async () => {
  const large = await largeRollout(10);
  large.statements.length = 0;
  const [page] = await pagesOf(large, { rollout: 1, limit: 10 });
  assert.equal(page?.length, 10);
  const [sql] = large.statements;
  const plan = large.database
    .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
    .all(1, 4, 11)
    .map(({ detail }) => detail);
  assert.deepEqual(plan, [
    "SEARCH rollout_devices USING INDEX rollout_devices_by_place (rollout=? AND place>?)",
  ]);
  await large.close();
});

test("refuses a cursor of another list", async () => {
  const large = await largeRollout(1);
  const query = { rollout: 1, limit: 5, cursor: Buffer.from('["a","b"]').toString("base64url") };
  await assert.rejects(large.store.rolloutDevices(query), { code: "request_invalid" });
  await large.close();
});
