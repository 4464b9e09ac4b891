// Writes devices: enrolment, and many changes of status in one statement per kind of change.
import { type Kysely, sql, type Transaction } from "kysely";
import { noEdits } from "#hub/control/overrides.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { chunksOf } from "./chunks.ts";
import { deviceRow } from "./devices.ts";
import { insertBoundedEvents } from "./events.ts";
import type { Bounds } from "./holdings.ts";
import type { Identity } from "./memo_port.ts";
import type { DeviceChange, DeviceRow, HubEvent, NewEvent, Store } from "./port.ts";
import type { DevicesTable, Tables } from "./tables.ts";
import { replaceWorkloads } from "./telemetry.ts";

/** Until the device has told its own. */
const firstHeartbeatMs = 10_000;

export function changeStore(
  db: Kysely<Tables>,
  bounds: Bounds,
): Pick<Store, "enrol" | "changeDevices"> {
  return {
    enrol: (device, secretHash, agentLabels, now) =>
      db.transaction().execute((trx) => enrol(trx, device, secretHash, agentLabels, now)),
    changeDevices: (changes, events = []) =>
      db.transaction().execute((trx) => changeDevices(trx, changes, events, bounds)),
  };
}

async function enrol(
  trx: Transaction<Tables>,
  device: DeviceId,
  secretHash: string,
  agentLabels: Labels,
  now: number,
): Promise<DeviceRow> {
  const known = await trx.selectFrom("devices").select("id").where("id", "=", device).execute();
  if (known.length > 0) {
    const credentials = { secret_hash: secretHash, identity_at: now };
    await trx
      .updateTable("devices")
      .set({ ...credentials, agent_labels: JSON.stringify(agentLabels) })
      .where("id", "=", device)
      .execute();
  } else {
    const identity = { device, secretHash, labels: agentLabels, enrolledAt: now, issuedAt: now };
    await addDevice(trx, identity);
  }
  const query = trx.selectFrom("devices").selectAll().where("id", "=", device);
  return deviceRow(await query.executeTakeFirstOrThrow());
}

/** Within the caller's transaction. */
export async function addDevice(trx: Transaction<Tables>, identity: Identity): Promise<void> {
  await trx.insertInto("devices").values(newDevice(identity)).execute();
  await replaceLabels(trx, [{ id: identity.device, labels: identity.labels }]);
}

function newDevice(identity: Identity): DevicesTable {
  const labels = JSON.stringify(identity.labels);
  return {
    id: identity.device,
    secret_hash: identity.secretHash,
    identity_at: identity.issuedAt,
    agent_labels: labels,
    labels,
    enrolled_at: identity.enrolledAt,
    connection: "Offline",
    last_seen_at: 0,
    heartbeat_ms: firstHeartbeatMs,
    boot_id: null,
    desired_generation: 0,
    desired_hash: null,
    observed_generation: 0,
    observed_hash: null,
    sync: "Unknown",
    health: "Unknown",
    host_health: null,
    reported: null,
    mode: "run",
    mode_reason: "",
    mode_operator: "",
    mode_at: 0,
    retry: 0,
    edits: JSON.stringify(noEdits),
  };
}

async function changeDevices(
  trx: Transaction<Tables>,
  changes: DeviceChange[],
  events: NewEvent[],
  bounds: Bounds,
): Promise<HubEvent[]> {
  for (const alike of sameColumns(changes)) {
    for (const chunk of chunksOf(alike.rows)) await updateRows(trx, alike.columns, chunk);
  }
  for (const chunk of chunksOf(changes)) {
    await replaceLabels(
      trx,
      chunk.flatMap(({ id, labels }) => (labels ? [{ id, labels }] : [])),
    );
  }
  await replaceWorkloads(trx, changes);
  return insertBoundedEvents(trx, events, bounds);
}

type Field = Exclude<keyof DeviceChange, "id">;

interface Column {
  name: keyof DevicesTable;
  type: "bigint" | "text";
  json?: boolean;
}

const columns: Record<Field, Column> = {
  lastSeenAt: { name: "last_seen_at", type: "bigint" },
  connection: { name: "connection", type: "text" },
  bootId: { name: "boot_id", type: "text" },
  heartbeatMs: { name: "heartbeat_ms", type: "bigint" },
  observedGeneration: { name: "observed_generation", type: "bigint" },
  observedHash: { name: "observed_hash", type: "text" },
  sync: { name: "sync", type: "text" },
  health: { name: "health", type: "text" },
  reported: { name: "reported", type: "text", json: true },
  hostHealth: { name: "host_health", type: "text", json: true },
  agentLabels: { name: "agent_labels", type: "text", json: true },
  labels: { name: "labels", type: "text", json: true },
  mode: { name: "mode", type: "text" },
  modeReason: { name: "mode_reason", type: "text" },
  modeOperator: { name: "mode_operator", type: "text" },
  modeAt: { name: "mode_at", type: "bigint" },
  retry: { name: "retry", type: "bigint" },
};
const fields = Object.keys(columns) as Field[];

interface Alike {
  columns: Column[];
  rows: unknown[][];
}

/** Changes of the same columns go into one statement; a later change of a device follows an earlier. */
function sameColumns(changes: DeviceChange[]): Alike[] {
  const groups = new Map<string, Alike>();
  for (const change of merged(changes)) {
    const present = fields.filter((field) => change[field] !== undefined);
    if (present.length === 0) continue;
    const group = groups.get(present.join()) ?? {
      columns: present.map((f) => columns[f]),
      rows: [],
    };
    group.rows.push([change.id, ...present.map((field) => cellOf(change, field))]);
    groups.set(present.join(), group);
  }
  return [...groups.values()];
}

function merged(changes: DeviceChange[]): DeviceChange[] {
  const byDevice = new Map<DeviceId, DeviceChange>();
  for (const change of changes) {
    byDevice.set(change.id, { ...byDevice.get(change.id), ...change });
  }
  return [...byDevice.values()];
}

function cellOf(change: DeviceChange, field: Field): unknown {
  return columns[field].json === true ? JSON.stringify(change[field]) : change[field];
}

/** PostgreSQL takes untyped values for text, hence the casts; SQLite has no aliases for columns of a
 *  subquery, hence the common table expression. */
async function updateRows(
  trx: Transaction<Tables>,
  set: Column[],
  rows: unknown[][],
): Promise<void> {
  const types = ["text", ...set.map(({ type }) => type)];
  const values = rows.map((row) => {
    const cells = row.map(
      (value, index) => sql`cast(${value} as ${sql.raw(types[index] ?? "text")})`,
    );
    return sql`(${sql.join(cells)})`;
  });
  const names = ["id", ...set.map(({ name }) => name)].map((name) => sql.ref(name));
  const assignments = set.map(({ name }) => sql`${sql.ref(name)} = change.${sql.ref(name)}`);
  await sql`with change (${sql.join(names)}) as (values ${sql.join(values)})
    update devices set ${sql.join(assignments)} from change where devices.id = change.id`.execute(
    trx,
  );
}

/** Within the caller's transaction. */
export async function replaceLabels(
  trx: Transaction<Tables>,
  devices: { id: DeviceId; labels: Labels }[],
): Promise<void> {
  if (devices.length === 0) return;
  const ids = devices.map(({ id }) => id);
  await trx.deleteFrom("device_labels").where("device", "in", ids).execute();
  const known = await trx.selectFrom("devices").select("id").where("id", "in", ids).execute();
  const enrolled = new Set(known.map(({ id }) => id));
  const rows = devices
    .filter(({ id }) => enrolled.has(id))
    .flatMap(({ id, labels }) =>
      Object.entries(labels).map(([key, value]) => ({ key, value, device: id })),
    );
  for (const chunk of chunksOf(rows)) {
    await trx.insertInto("device_labels").values(chunk).execute();
  }
}
