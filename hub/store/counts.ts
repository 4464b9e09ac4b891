// Counts devices by status, for the whole fleet and per site, from covering indexes.
import { type Kysely, sql } from "kysely";
import type { Selector } from "#shared/selector.ts";
import { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import { selectedBy } from "./devices.ts";
import type { FleetCounts, SiteCounts, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function countStore(db: Kysely<Tables>): Pick<Store, "counts" | "siteCounts"> {
  return { counts: (selector = []) => counts(db, selector), siteCounts: () => siteCounts(db) };
}

interface Group {
  connection: Connection;
  sync: SyncStatus;
  health: HealthStatus;
  devices: number;
}

const devicesInGroup = sql<number>`count(*)`.as("devices");

async function counts(db: Kysely<Tables>, selector: Selector): Promise<FleetCounts> {
  const groups = await db
    .selectFrom("devices")
    .$if(selector.length > 0, (query) => query.where(selectedBy(selector)))
    .select(["connection", "sync", "health", devicesInGroup])
    .groupBy(["connection", "sync", "health"])
    .execute();
  return groups.reduce(add, noDevices());
}

async function siteCounts(db: Kysely<Tables>): Promise<SiteCounts[]> {
  const groups = await db
    .selectFrom("device_labels")
    .innerJoin("devices", "devices.id", "device_labels.device")
    .select(["device_labels.value as site", "connection", "sync", "health", devicesInGroup])
    .where("device_labels.key", "=", "site")
    .groupBy(["device_labels.value", "connection", "sync", "health"])
    .orderBy("device_labels.value")
    .execute();
  const sites = new Map<string, FleetCounts>();
  for (const group of groups)
    sites.set(group.site, add(sites.get(group.site) ?? noDevices(), group));
  return [...sites].map(([site, total]) => ({ site, ...total }));
}

function noDevices(): FleetCounts {
  return {
    devices: 0,
    connection: zeros(Connection.options),
    sync: zeros(SyncStatus.options),
    health: zeros(HealthStatus.options),
  };
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}

function add(total: FleetCounts, group: Group): FleetCounts {
  const devices = Number(group.devices);
  total.devices += devices;
  total.connection[group.connection] += devices;
  total.sync[group.sync] += devices;
  total.health[group.health] += devices;
  return total;
}
