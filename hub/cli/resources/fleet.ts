// Sites, deployments and releases, as `get` shows them.
import type { DeploymentView } from "#hub/api/deployments.ts";
import type { SiteView } from "#hub/api/fleet.ts";
import { collect } from "#hub/cli/api/client.ts";
import { type Tone, toneOf } from "#hub/cli/terminal/colour.ts";
import type { ReleaseRow } from "#hub/store/port.ts";
import { type Resource, shortId, when } from "./resource.ts";
import { unknownNames } from "./unknown.ts";

export const sites: Resource<SiteView> = {
  kind: "site",
  isUnique: true,
  fields: [],
  sorts: [],
  takesSelector: false,
  columns: () => [
    { title: "NAME", text: ({ site }) => site },
    { title: "DEVICES", text: ({ devices }) => String(devices) },
    {
      title: "ONLINE",
      text: ({ connection }) => String(connection.Online),
      tone: ({ connection, devices }) => shareTone(connection.Online, devices),
    },
    {
      title: "SYNCED",
      text: ({ sync }) => String(sync.Synced),
      tone: ({ sync, devices }) => shareTone(sync.Synced, devices),
    },
    {
      title: "HEALTHY",
      text: ({ health }) => String(health.Healthy),
      tone: ({ health, devices }) => shareTone(health.Healthy, devices),
    },
    { title: "OFFLINE", text: ({ connection }) => String(connection.Offline), isWide: true },
    { title: "DEGRADED", text: ({ health }) => String(health.Degraded), isWide: true },
    {
      title: "WORKLOADS",
      text: ({ workloads }) => `${workloads.operational}/${workloads.total}`,
      tone: ({ workloads }) => shareTone(workloads.operational, workloads.total),
    },
    {
      title: "LOW BATTERY",
      text: ({ workloads }) => String(workloads.low_battery),
      isWide: true,
    },
  ],
  nameOf: ({ site }) => site,
  list: (client, _query, names) => picked("site", client.sites(), names, ({ site }) => site),
};

export const deployments: Resource<DeploymentView> = {
  kind: "deployment",
  isUnique: true,
  fields: [],
  sorts: [],
  takesSelector: false,
  columns: () => [
    { title: "NAME", text: ({ name }) => name },
    { title: "ROLE", text: ({ role }) => role },
    { title: "BRANCH", text: ({ branch }) => branch },
    { title: "COMMIT", text: ({ commit }) => shortId(commit) },
    { title: "DEVICES", text: ({ devices }) => String(devices.matching) },
    {
      title: "SYNCED",
      text: ({ devices }) => String(devices.synced),
      tone: ({ devices }) => shareTone(devices.synced, devices.matching),
    },
    {
      title: "HEALTHY",
      text: ({ devices }) => String(devices.healthy),
      tone: ({ devices }) => shareTone(devices.healthy, devices.matching),
    },
    { title: "SELECTOR", text: ({ labelSelector }) => labelSelector || "(all)", atLeast: 10 },
    { title: "DIGEST", text: ({ digest }) => digest ?? "", isWide: true },
  ],
  nameOf: ({ name }) => name,
  list: (client, _query, names) =>
    picked("deployment", client.deployments(), names, ({ name }) => name),
};

export const releases: Resource<ReleaseRow> = {
  kind: "release",
  isUnique: true,
  fields: ["role"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    {
      title: "DIGEST",
      text: ({ digest }) => (view.times === "age" ? digest.slice(0, 12) : digest),
    },
    { title: "ROLE", text: ({ role }) => role },
    { title: "BRANCH", text: ({ commits }) => commits[0]?.branch ?? "" },
    { title: "COMMIT", text: ({ commits }) => shortId(commits[0]?.commit) },
    { title: "AUTHOR", text: ({ commits }) => commits[0]?.author ?? "", atLeast: 8 },
    { title: "SUBJECT", text: ({ commits }) => commits[0]?.subject ?? "", atLeast: 16 },
    { title: "AGE", text: ({ createdAt }) => when(createdAt, view) },
    { title: "BYTES", text: ({ size }) => String(size), isWide: true },
    { title: "COMMITS", text: ({ commits }) => String(commits.length), isWide: true },
  ],
  nameOf: ({ digest }) => digest,
  list: (client, query, names) =>
    picked("release", client.releases(query), names, ({ digest }) => digest, isPrefix),
};

function shareTone(part: number, whole: number): Tone | undefined {
  if (whole === 0) return undefined;
  return toneOf(part === whole ? "Synced" : "OutOfSync");
}

/** As Git's: enough of a digest to be meant. */
function isPrefix(digest: string, name: string): boolean {
  return name.length >= 4 && digest.startsWith(name);
}

async function* picked<T>(
  kind: string,
  all: AsyncIterable<T>,
  names: readonly string[],
  nameOf: (row: T) => string,
  isMeant: (own: string, name: string) => boolean = (own, name) => own === name,
): AsyncGenerator<T> {
  if (names.length === 0) {
    yield* all;
    return;
  }
  const rows = await collect(all);
  const missing = names.filter((name) => !rows.some((row) => isMeant(nameOf(row), name)));
  yield* rows.filter((row) => names.some((name) => isMeant(nameOf(row), name)));
  if (missing.length > 0) throw unknownNames(kind, missing, rows.map(nameOf));
}
