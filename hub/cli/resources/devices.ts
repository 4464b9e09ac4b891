// Devices, as `get devices` shows them.
import type { DeviceSummary } from "#hub/api/device_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import { toneOf } from "#hub/cli/terminal/colour.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import { named, type Resource, type TimeView, when } from "./resource.ts";
import { unknownDevices } from "./unknown.ts";

export const devices: Resource<DeviceSummary> = {
  kind: "device",
  isUnique: true,
  isOneByOne: true,
  fields: ["connection", "sync", "health"],
  sorts: ["id", "lastSeen"],
  takesSelector: true,
  columns: deviceColumns,
  nameOf: ({ id }) => id,
  list: (client, query, names) =>
    names.length === 0 ? client.devices(query) : devicesNamed(client, names),
  changed: (message) => (message.event === "device" ? [message.data] : []),
  isWanted: (row, { connection, sync, health }) =>
    (connection === undefined || connection === row.connection) &&
    (sync === undefined || sync === row.sync) &&
    (health === undefined || health === row.health),
};

export function devicesNamed(
  client: Client,
  names: readonly string[],
): AsyncIterable<DeviceSummary> {
  const find = async (name: string): Promise<DeviceSummary[] | undefined> => {
    const device = await client.findDevice(name);
    return device === undefined ? undefined : [device];
  };
  return named(names, find, (missing) => unknownDevices(client, missing));
}

function deviceColumns(view: TimeView): Column<DeviceSummary>[] {
  return [
    { title: "NAME", text: ({ id }) => id },
    { title: "SITE", text: ({ labels }) => labels["site"] ?? "" },
    { title: "CONNECTION", ...status("connection") },
    { title: "SYNC", ...status("sync") },
    { title: "HEALTH", ...status("health") },
    { title: "LAST SEEN", text: ({ lastSeenAt }) => when(lastSeenAt, view) },
    { title: "WHY", text: whyOf, atLeast: 12 },
    { title: "MODE", text: ({ mode }) => mode, tone: ({ mode }) => toneOf(mode), isWide: true },
    { title: "GENERATION", text: generation, tone: generationTone, isWide: true },
    { title: "APPS", text: ({ apps }) => String(apps.length), isWide: true },
    { title: "LABELS", text: ({ labels }) => labelText(labels), isWide: true, atLeast: 20 },
  ];
}

function status(field: "connection" | "sync" | "health") {
  return {
    text: (row: DeviceSummary): string => row[field],
    tone: (row: DeviceSummary) => toneOf(row[field]),
  };
}

/** What the device has of what it should have. */
export function generation({ observedGeneration, desiredGeneration }: Generations): string {
  return observedGeneration === desiredGeneration
    ? String(desiredGeneration)
    : `${observedGeneration}->${desiredGeneration}`;
}

type Generations = Pick<DeviceSummary, "observedGeneration" | "desiredGeneration">;

function generationTone(row: Generations) {
  return row.observedGeneration === row.desiredGeneration ? undefined : toneOf("OutOfSync");
}

/** The nearest cause why the device is not converged, or does not follow the repository, in one sentence. */
export function whyOf({ safeMode, apps, notices }: DeviceSummary): string {
  if (safeMode !== undefined) return `safe mode: ${safeMode.message}`;
  for (const { name, why, failure } of apps) {
    const [nearest] = why ?? [];
    if (nearest !== undefined) return `${name}: ${nearest.message}`;
    if (failure !== undefined) return `${name}: ${failure.message}`;
  }
  const [notice] = notices;
  if (notice === undefined) return "";
  return notice.reason === null ? notice.message : `${notice.message}: ${notice.reason}`;
}

export function labelText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort((a, b) => a.localeCompare(b, "en"))
    .join(",");
}
