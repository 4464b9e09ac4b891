// Which rows go into memos, and how they come back: one line per table.
import { type Kysely, sql, type Transaction } from "kysely";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { addDevice, replaceLabels } from "./changes.ts";
import type { FleetSlice, MemoStore, Rows, SnapshotRef } from "./memo_port.ts";
import type { Tables } from "./tables.ts";

type Row = Record<string, unknown>;

/** A table whose rows belong to devices. */
interface OwnTable {
  table: keyof Tables;
  /** The column that names the device. */
  device: string;
  key: readonly string[];
  without?: readonly string[];
  /** Of each device the last ones by key; a memo has no room for more. */
  newest?: number;
  /** The table whose row must be there first. */
  within?: { table: keyof Tables; column: string };
}

/** A table whose rows belong to the fleet. */
interface FleetTable {
  /** Rows of devices belong to these; only the rest is here. */
  unowned?: string;
  table: keyof Tables;
  key: readonly string[];
  /** Rows that a memo does not name are gone, and not only left out for want of room. */
  isWhole: boolean;
  /** The most important first. */
  order?: string;
  /** What is in Git, or in a place of its own. */
  without?: readonly string[];
  only?: { column: string; values: readonly string[] };
}

const ownTables: readonly OwnTable[] = [
  {
    table: "devices",
    device: "id",
    key: ["id"],
    // The statement tells the identity, the desired state comes as an envelope, and the rest is reported.
    without: [
      ...["secret_hash", "identity_at", "enrolled_at", "desired_generation", "desired_hash"],
      ...["connection", "last_seen_at", "heartbeat_ms", "boot_id", "host_health", "reported"],
      ...["observed_generation", "observed_hash", "sync", "health"],
    ],
  },
  {
    table: "rollout_devices",
    device: "device",
    key: ["rollout", "device"],
    within: { table: "rollouts", column: "rollout" },
  },
  { table: "lifecycles", device: "device", key: ["device"] },
  { table: "runs", device: "device", key: ["id"], newest: 64 },
];

/** No secret has this hash. */
const noSecret = "";

/** Numbers that are never given twice. */
const counters = { column: "name", values: ["rollouts", "pins", "bisects"] };

const fleetTables: readonly FleetTable[] = [
  { table: "lifecycles", key: ["device"], isWhole: false, unowned: "device" },
  { table: "halts", key: ["scope"], isWhole: true },
  { table: "counters", key: ["name"], isWhole: false, only: counters },
  { table: "pins", key: ["id"], isWhole: true, without: ["source"] },
  { table: "rollouts", key: ["id"], isWhole: false, order: "id" },
  { table: "bisects", key: ["id"], isWhole: false, order: "id", without: ["fleet"] },
];

export async function readSlices(db: Kysely<Tables>): ReturnType<MemoStore["memoSlices"]> {
  return db.transaction().execute(async (trx) => {
    const own = new Map<DeviceId, Rows>();
    for (const of of ownTables) await readOwn(trx, of, own);
    const rows: Rows = {};
    for (const of of fleetTables) rows[of.table] = await readFleet(trx, of);
    const newest = await trx
      .selectFrom("migrations")
      .select((eb) => eb.fn.max("id").as("id"))
      .executeTakeFirstOrThrow();
    return {
      schema: Number(newest.id),
      fleet: { rows, snapshots: await snapshotRefs(trx), revoked: await revokedIn(trx) },
      own,
    };
  });
}

async function readOwn(
  trx: Transaction<Tables>,
  of: OwnTable,
  own: Map<DeviceId, Rows>,
): Promise<void> {
  const { table, device, key } = of;
  const columns = await columnsOf(trx, of);
  if (columns === undefined) return;
  const order = sql.join(key.map((name) => sql`${sql.ref(name)} desc`));
  const from = sql`from ${sql.table(table)} ${newestOnly(of)} order by ${order}`;
  const { rows } = await sql<Row>`select ${columns} ${from}`.execute(trx);
  for (const row of rows) {
    const id = row[device] as DeviceId;
    const mine = table === "devices" ? {} : own.get(id);
    if (mine === undefined) continue;
    own.set(id, mine);
    mine[table] = [...(mine[table] ?? []), row];
  }
}

/** Looked up by device: a year of runs is not read for the last ones. */
function newestOnly({ table, device, key, newest }: OwnTable) {
  if (newest === undefined) return sql``;
  const id = sql.ref(key[0] ?? "");
  return sql`where ${id} in (
    select mine.${id} from devices join ${sql.table(table)} as mine on mine.${id} in (
      select ${id} from ${sql.table(table)} as last where last.${sql.ref(device)} = devices.id
      order by ${id} desc limit ${newest}
    )
  )`;
}

async function readFleet(trx: Transaction<Tables>, of: FleetTable): Promise<Row[]> {
  const { table, order, only, key, unowned } = of;
  const columns = await columnsOf(trx, of);
  if (columns === undefined) return [];
  const where =
    only === undefined
      ? unowned === undefined
        ? sql``
        : sql`where ${sql.ref(unowned)} not in (select id from devices)`
      : sql`where ${sql.ref(only.column)} in (${sql.join([...only.values])})`;
  const by = order === undefined ? sql.ref(key[0] ?? "") : sql`${sql.ref(order)} desc`;
  const from = sql`from ${sql.table(table)} ${where} order by ${by}`;
  return (await sql<Row>`select ${columns} ${from}`.execute(trx)).rows;
}

/** What a memo leaves out is not even read: the last reports of a large fleet are hundreds of megabytes.
 *  Undefined for a table without rows. */
async function columnsOf(
  trx: Transaction<Tables>,
  { table, without = [] }: Pick<OwnTable, "table" | "without">,
) {
  const { rows } = await sql<Row>`select * from ${sql.table(table)} limit 1`.execute(trx);
  const names = Object.keys(rows[0] ?? {}).filter((name) => !without.includes(name));
  return names.length === 0 ? undefined : sql.join(names.map((name) => sql.ref(name)));
}

async function revokedIn(trx: Transaction<Tables>): Promise<FleetSlice["revoked"]> {
  const rows = await trx
    .selectFrom("devices")
    .select(["id", "identity_at"])
    .where("secret_hash", "=", noSecret)
    .orderBy("id")
    .execute();
  return rows.map(({ id, identity_at: identityAt }) => ({ device: id, identityAt }));
}

/** Whoever returns with that identity is refused, also where it came before this word did. */
async function revoke(
  trx: Transaction<Tables>,
  { device, identityAt }: FleetSlice["revoked"][number],
): Promise<void> {
  const known = await trx
    .selectFrom("devices")
    .select("identity_at")
    .where("id", "=", device)
    .executeTakeFirst();
  if (known === undefined) {
    const times = { enrolledAt: identityAt, issuedAt: identityAt };
    await addDevice(trx, { device, secretHash: noSecret, labels: {}, ...times });
  } else if (known.identity_at <= identityAt) {
    const ended = { secret_hash: noSecret, identity_at: identityAt };
    await trx.updateTable("devices").set(ended).where("id", "=", device).execute();
  }
}

async function snapshotRefs(trx: Transaction<Tables>): Promise<SnapshotRef[]> {
  const rows = await trx.selectFrom("snapshots").selectAll().orderBy("place", "desc").execute();
  return rows.map(({ id, place, body }) => {
    const { defaultBranch, branches }: FleetSnapshot = JSON.parse(body);
    const commits = Object.entries(branches).map(([name, { commit }]) => [name, commit]);
    return { id, place, defaultBranch, branches: Object.fromEntries(commits) };
  });
}

export function mergeOwn(db: Kysely<Tables>, device: DeviceId, own: Rows): Promise<void> {
  return db.transaction().execute(async (trx) => {
    for (const of of ownTables) {
      const rows = (own[of.table] ?? []).filter((row) => row[of.device] === device);
      await upsert(trx, of, await withParent(trx, of, rows));
    }
    const labels = own["devices"]?.[0]?.["labels"];
    if (typeof labels !== "string") return;
    await replaceLabels(trx, [{ id: device, labels: JSON.parse(labels) as Labels }]);
  });
}

async function withParent(
  trx: Transaction<Tables>,
  { within }: OwnTable,
  rows: Row[],
): Promise<Row[]> {
  if (within === undefined) return rows;
  const { table, column } = within;
  const known = await sql<{ id: unknown }>`select id from ${sql.table(table)}`.execute(trx);
  const ids = new Set(known.rows.map(({ id }) => id));
  return rows.filter((row) => ids.has(row[column]));
}

export function mergeFleet(db: Kysely<Tables>, { rows, revoked }: FleetSlice): Promise<DeviceId[]> {
  return db.transaction().execute(async (trx) => {
    for (const of of fleetTables) {
      const { table, isWhole, only } = of;
      if (isWhole) await sql`delete from ${sql.table(table)}`.execute(trx);
      const mine = (rows[table] ?? []).filter(
        (row) => only === undefined || only.values.includes(String(row[only.column])),
      );
      await upsert(trx, of, mine);
    }
    for (const one of revoked) await revoke(trx, one);
    return revoked.map(({ device }) => device);
  });
}

/** A device's own row is there already, and some of its columns are no part of memos. */
async function upsert(
  trx: Transaction<Tables>,
  { table, key }: Pick<OwnTable, "table" | "key">,
  rows: Row[],
): Promise<void> {
  for (const row of rows) {
    const names = Object.keys(row);
    const set = names.filter((name) => !key.includes(name));
    const where = sql.join(
      key.map((name) => sql`${sql.ref(name)} = ${row[name]}`),
      sql` and `,
    );
    const changes = sql.join(set.map((name) => sql`${sql.ref(name)} = ${row[name]}`));
    const updated = await sql`update ${sql.table(table)} set ${changes} where ${where}`.execute(
      trx,
    );
    if ((updated.numAffectedRows ?? 0n) > 0n || table === "devices") continue;
    const columns = sql.join(names.map((name) => sql.ref(name)));
    const values = sql.join(names.map((name) => row[name]));
    await sql`insert into ${sql.table(table)} (${columns}) values (${values})`.execute(trx);
  }
}
