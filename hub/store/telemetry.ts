// Counts what workloads say of themselves: written with their device's report, summed by site and app.
import { type ExpressionBuilder, type Kysely, sql, type Transaction } from "kysely";
import { canonicalJson } from "#shared/canonical.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { AppWorkloads } from "#shared/telemetry.ts";
import { chunksOf } from "./chunks.ts";
import type { DeviceChange } from "./port.ts";
import type { Tables } from "./tables.ts";
import type { SiteAppWorkloads, TelemetryStore } from "./telemetry_port.ts";

type Row = Tables["workloads"];

export function telemetryStore(db: Kysely<Tables>): TelemetryStore {
  return { workloadCounts: () => workloadCounts(db) };
}

const heard = ["operational", "degraded", "down", "low_battery"] as const;

async function workloadCounts(db: Kysely<Tables>): Promise<SiteAppWorkloads[]> {
  const rows = await db
    .selectFrom("workloads")
    .innerJoin("devices", "devices.id", "workloads.device")
    .leftJoin("device_labels", (join) =>
      join.onRef("device_labels.device", "=", "devices.id").on("device_labels.key", "=", "site"),
    )
    .select(["device_labels.value as site", "app"])
    .select(sql<number>`sum(operational + degraded + down + unknown)`.as("total"))
    .select(heard.map((count) => sumOnline(count)))
    .groupBy(["device_labels.value", "app"])
    .orderBy("device_labels.value")
    .orderBy("app")
    .execute();
  return rows.map(({ site, app, ...sums }) => ({ site, app, ...withUnknown(sums) }));
}

/** Nobody knows how a copy is whose device is not heard. */
function sumOnline<C extends (typeof heard)[number]>(count: C) {
  return (
    eb: ExpressionBuilder<Tables & { devices: Tables["devices"] }, "workloads" | "devices">,
  ) =>
    eb.fn
      .sum<number>(
        eb.case().when("devices.connection", "=", "Online").then(eb.ref(count)).else(0).end(),
      )
      .as(count);
}

/** PostgreSQL's sums are numeric, and come as text. */
function withUnknown(sums: Record<(typeof heard)[number] | "total", number>) {
  const [total, operational, degraded, down] = [
    ...[sums.total, sums.operational, sums.degraded, sums.down],
  ].map(Number) as [number, number, number, number];
  const unknown = total - operational - degraded - down;
  const { low_battery } = sums;
  return { total, operational, degraded, down, unknown, low_battery: Number(low_battery) };
}

/** Follows the reports among the changes; of one device the last counts. */
export async function replaceWorkloads(
  trx: Transaction<Tables>,
  changes: readonly DeviceChange[],
): Promise<void> {
  const told = new Map<DeviceId, AppWorkloads[]>();
  for (const { id, reported } of changes) {
    if (reported !== undefined) told.set(id, reported.telemetry?.apps ?? []);
  }
  for (const ids of chunksOf([...told.keys()])) await replaceOf(trx, ids, told);
}

async function replaceOf(
  trx: Transaction<Tables>,
  ids: DeviceId[],
  told: ReadonlyMap<DeviceId, AppWorkloads[]>,
): Promise<void> {
  const before = await trx.selectFrom("workloads").selectAll().where("device", "in", ids).execute();
  const known = Map.groupBy(before, ({ device }) => device);
  const changed = ids.filter((id) => {
    const rows = rowsOf(id, told.get(id) ?? []);
    return canonicalJson(inOrder(rows)) !== canonicalJson(inOrder(known.get(id) ?? []));
  });
  if (changed.length === 0) return;
  await trx.deleteFrom("workloads").where("device", "in", changed).execute();
  const enrolled = await trx
    .selectFrom("devices")
    .select("id")
    .where("id", "in", changed)
    .execute();
  const rows = enrolled.flatMap(({ id }) => rowsOf(id, told.get(id) ?? []));
  for (const chunk of chunksOf(rows)) await trx.insertInto("workloads").values(chunk).execute();
}

/** A device that names an app twice must not keep the others' reports from being stored. */
function rowsOf(device: DeviceId, apps: readonly AppWorkloads[]): Row[] {
  const byApp = new Map(apps.map((counts) => [counts.app, counts]));
  return [...byApp.values()].map(({ total: _, ...counts }) => ({ device, ...counts }));
}

function inOrder(rows: readonly Row[]): Row[] {
  return rows.toSorted((one, other) => (one.app < other.app ? -1 : 1));
}
