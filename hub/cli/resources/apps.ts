// Apps: each deployment on each device, as `get apps` shows them.
import type { AppSummary, DeviceSummary } from "#hub/api/device_view.ts";
import { type Client, collect, type ListQuery } from "#hub/cli/api/client.ts";
import { toneOf } from "#hub/cli/terminal/colour.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import { type Resource, shortId } from "./resource.ts";
import { unknownNames } from "./unknown.ts";

export type AppRow = { device: string } & AppSummary;

export const apps: Resource<AppRow> = {
  kind: "app",
  isUnique: false,
  fields: ["connection", "sync", "health"],
  sorts: ["id", "lastSeen"],
  takesSelector: true,
  columns: appColumns,
  nameOf: ({ device, name }) => `${device}/${name}`,
  list: listApps,
  changed: (message) => (message.event === "device" ? appsOf(message.data) : []),
  isWanted: (row, { sync, health }) =>
    (sync === undefined || sync === row.sync) && (health === undefined || health === row.health),
};

function appsOf(device: DeviceSummary): AppRow[] {
  return device.apps.map((app) => ({ device: device.id, ...app }));
}

/** The server filters devices; `sync` and `health` are asked of each app, so they are left to here. */
async function* listApps(
  client: Client,
  { sync, health, ...query }: ListQuery,
  names: readonly string[],
): AsyncGenerator<AppRow> {
  const known = new Set<string>();
  const wanted = new Set(names);
  for await (const device of client.devices(query)) {
    for (const app of appsOf(device)) {
      known.add(app.name);
      if (wanted.size > 0 && !wanted.has(app.name)) continue;
      if (apps.isWanted?.(app, { sync, health }) === true) yield app;
    }
  }
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0) throw unknownNames("app", missing, await appNames(client, known));
}

/** A selector may have hidden the app that was meant. */
async function appNames(client: Client, known: ReadonlySet<string>): Promise<string[]> {
  const declared = await collect(client.deployments());
  return [...new Set([...known, ...declared.map(({ name }) => name)])];
}

function appColumns(): Column<AppRow>[] {
  return [
    { title: "DEVICE", text: ({ device }) => device },
    { title: "APP", text: ({ name }) => name },
    { title: "SYNC", text: ({ sync }) => sync, tone: ({ sync }) => toneOf(sync) },
    { title: "HEALTH", text: ({ health }) => health, tone: ({ health }) => toneOf(health) },
    { title: "ROLE", text: ({ current, target }) => current?.role ?? target?.role ?? "" },
    { title: "COMMIT", text: ({ current }) => shortId(current?.commit) },
    { title: "WANTED", text: ({ target }) => shortId(target?.commit) },
    { title: "STEP", text: stepOf },
    { title: "WHY", text: ({ why, failure }) => (why?.[0] ?? failure)?.message ?? "", atLeast: 12 },
    { title: "DIGEST", text: ({ current }) => current?.digest ?? "", isWide: true },
  ];
}

/** The step under way, with how far it is. */
export function stepOf({ step, progress }: Pick<AppSummary, "step" | "progress">): string {
  if (step === undefined) return "";
  return progress === undefined ? step : `${step} ${Math.floor(progress * 100)}%`;
}
