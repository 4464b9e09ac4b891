// Reads devices: one by id, pages by label selector and status, all of them at start.
import type {
  ExpressionBuilder,
  ExpressionWrapper,
  Kysely,
  SelectQueryBuilder,
  SqlBool,
} from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import { byCodeUnit } from "#shared/canonical.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Requirement, Selector } from "#shared/selector.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import type { DeviceQuery, DeviceRow, DeviceStatus, Page, Store } from "./port.ts";
import type { DevicesTable, Tables } from "./tables.ts";

type Methods = Pick<Store, "secretHash" | "device" | "devices" | "allDevices" | "deviceStatuses">;

export function deviceStore(db: Kysely<Tables>): Methods {
  return {
    secretHash: async (device) => {
      const query = db.selectFrom("devices").select("secret_hash").where("id", "=", device);
      return (await query.executeTakeFirst())?.secret_hash ?? null;
    },
    device: async (id) => {
      const row = await withInventory(db).where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : deviceRow(row);
    },
    devices: (query) => devicePage(db, query),
    allDevices: (ids) => allDevices(db, ids),
    deviceStatuses: (ids) => deviceStatuses(db, ids),
  };
}

function withInventory(db: Kysely<Tables>) {
  return db
    .selectFrom("devices")
    .leftJoin("lifecycles", "lifecycles.device", "devices.id")
    .selectAll("devices")
    .select("lifecycles.labels as inventory_labels");
}

async function allDevices(db: Kysely<Tables>, ids?: DeviceId[]): Promise<DeviceRow[]> {
  const query = withInventory(db).orderBy("id");
  if (ids === undefined) return (await query.execute()).map(deviceRow);
  const found: DeviceRow[] = [];
  for (const chunk of chunksOf(ids.toSorted(byCodeUnit))) {
    found.push(...(await query.where("id", "in", chunk).execute()).map(deviceRow));
  }
  return found;
}

export function deviceRow(row: DevicesTable & { inventory_labels?: string | null }): DeviceRow {
  const { inventory_labels: inventory } = row;
  return {
    ...deviceStatus(row),
    enrolledAt: row.enrolled_at,
    labels: JSON.parse(row.labels),
    reported: row.reported === null ? null : JSON.parse(row.reported),
    hostHealth: row.host_health === null ? null : JSON.parse(row.host_health),
    mode: row.mode,
    modeReason: row.mode_reason === "" ? null : row.mode_reason,
    modeOperator: row.mode_operator === "" ? null : row.mode_operator,
    modeAt: row.mode_at === 0 ? null : row.mode_at,
    retry: row.retry,
    edits: JSON.parse(row.edits),
    ...(inventory === undefined || inventory === null
      ? {}
      : { inventoryLabels: JSON.parse(inventory) }),
  };
}

const statusColumns = [
  "id",
  "agent_labels",
  "connection",
  "last_seen_at",
  "heartbeat_ms",
  "boot_id",
  "desired_generation",
  "desired_hash",
  "observed_generation",
  "observed_hash",
  "sync",
  "health",
] as const satisfies (keyof DevicesTable)[];

function deviceStatus(row: Pick<DevicesTable, (typeof statusColumns)[number]>): DeviceStatus {
  return {
    id: row.id,
    agentLabels: JSON.parse(row.agent_labels),
    connection: row.connection,
    lastSeenAt: row.last_seen_at === 0 ? null : row.last_seen_at,
    heartbeatMs: row.heartbeat_ms,
    bootId: row.boot_id,
    desiredGeneration: row.desired_generation,
    desiredHash: row.desired_hash,
    observedGeneration: row.observed_generation,
    observedHash: row.observed_hash,
    sync: row.sync,
    health: row.health,
  };
}

async function deviceStatuses(db: Kysely<Tables>, ids?: DeviceId[]): Promise<DeviceStatus[]> {
  const query = db.selectFrom("devices").select(statusColumns);
  if (ids === undefined) return (await query.execute()).map(deviceStatus);
  const found: DeviceStatus[] = [];
  for (const chunk of chunksOf(ids)) {
    found.push(...(await query.where("id", "in", chunk).execute()).map(deviceStatus));
  }
  return found;
}

type DeviceSelect = SelectQueryBuilder<Tables, "devices", DevicesTable>;

const IdCursor = z.tuple([z.literal("id"), z.string()]);
const SeenCursor = z.tuple([z.literal("lastSeen"), z.number(), z.string()]);

async function devicePage(db: Kysely<Tables>, query: DeviceQuery): Promise<Page<DeviceRow>> {
  const filtered = withSelector(withStatus(db.selectFrom("devices").selectAll(), query), query);
  const ordered = query.sort === "id" ? byId(filtered, query) : byLastSeen(filtered, query);
  const rows = await ordered.limit(query.limit + 1).execute();
  const page = pageOf(rows, query.limit, (row) =>
    query.sort === "id" ? ["id", row.id] : ["lastSeen", row.last_seen_at, row.id],
  );
  return { rows: page.rows.map(deviceRow), next: page.next };
}

function withStatus(select: DeviceSelect, query: DeviceQuery): DeviceSelect {
  const { connection, sync, health } = query;
  return select
    .$if(connection !== undefined, (q) => q.where("connection", "=", connection ?? "Online"))
    .$if(sync !== undefined, (q) => q.where("sync", "=", sync ?? "Unknown"))
    .$if(health !== undefined, (q) => q.where("health", "=", health ?? "Unknown"));
}

function withSelector(select: DeviceSelect, { selector }: DeviceQuery): DeviceSelect {
  return selector.length === 0 ? select : select.where(selectedBy(selector));
}

type Condition = ExpressionWrapper<Tables, "devices", SqlBool>;

/** The devices that a selector matches; it must have a requirement. */
export function selectedBy(selector: Selector) {
  return (eb: ExpressionBuilder<Tables, "devices">): Condition =>
    eb.and(selector.map((requirement) => conditionOf(eb, requirement)));
}

/** Each requirement is one look-up in the label index. */
function conditionOf(
  eb: ExpressionBuilder<Tables, "devices">,
  requirement: Requirement,
): Condition {
  const negative = requirement.operator === "notin" || requirement.operator === "absent";
  const values = "values" in requirement ? requirement.values : undefined;
  const labelled = eb
    .selectFrom("device_labels")
    .select("device")
    .where("key", "=", requirement.key)
    .$if(values !== undefined, (q) => q.where("value", "in", values ?? []));
  return eb("devices.id", negative ? "not in" : "in", labelled);
}

function byId(select: DeviceSelect, query: DeviceQuery): DeviceSelect {
  const ordered = select.orderBy("id", query.order);
  if (query.cursor === undefined) return ordered;
  const [, id] = decodeCursor(query.cursor, IdCursor);
  return ordered.where("id", query.order === "asc" ? ">" : "<", id as DeviceId);
}

function byLastSeen(select: DeviceSelect, query: DeviceQuery): DeviceSelect {
  const ordered = select.orderBy("last_seen_at", query.order).orderBy("id", query.order);
  if (query.cursor === undefined) return ordered;
  const [, seen, id] = decodeCursor(query.cursor, SeenCursor);
  const after = sql.raw(query.order === "asc" ? ">" : "<");
  return ordered.where(sql<boolean>`(last_seen_at, id) ${after} (${seen}, ${id})`);
}
