// What a release would do before anything moves: which devices change, what they download, what restarts, what
// stands in the way, and which devices are kept where they are.
import type { Pins } from "#hub/control/pins.ts";
import { render, type Source, sourceOf } from "#hub/desired/compute/render.ts";
import { rulesOf } from "#hub/desired/compute/rules.ts";
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import { type AppSpec, revisionOf, type UpdateRules } from "#shared/desired.ts";
import type { AppName, DeviceId, Digest } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import { isOpen } from "#shared/window.ts";
import { devicesOf } from "./begin.ts";
import { type KeptDevice, keptBy } from "./kept.ts";
import { snapshotFor, type Tracks } from "./track.ts";

export const risks = [
  "away",
  "safeMode",
  "locked",
  "windowClosed",
  "diskShort",
  "quarantined",
  "unhealthy",
] as const;
export type Risk = (typeof risks)[number];

export interface DevicePreview {
  device: DeviceId;
  /** 0 when the bundle is there already. */
  downloadBytes: number;
  /** Services whose containers are replaced, started or removed; null where that cannot be said. */
  services: string[] | null;
  risks: Risk[];
}

export interface Preview {
  deployment: AppName;
  branch: string;
  commit: string;
  digest: Digest;
  /** Devices that change, by id. */
  devices: DevicePreview[];
  /** Devices that would change, were they not pinned, held or left out; by id. */
  kept: KeptDevice[];
  /** Devices of the deployment for which nothing changes. */
  unchanged: number;
}

/** Names of the services that differ between two renderings; null where a release cannot be read. */
export type ServiceDiff = (
  before: { source: Source; app: AppSpec } | undefined,
  after: { source: Source; app: AppSpec },
) => string[] | null;

interface Input {
  name: AppName;
  /** As it is followed now, and as it would be. */
  fleet: FleetSnapshot;
  candidate: FleetSnapshot;
  tracks: Pick<Tracks, "byDeployment" | "snapshots">;
  pins: Pick<Pins, "on" | "olderOf">;
  rows: readonly DeviceRow[];
  readonly diff: ServiceDiff;
  /** Unix ms. */
  now: number;
}

/** Undefined when the deployment cannot be rendered from the candidate. Pure. */
export function previewOf(input: Input): Preview | undefined {
  const { name, candidate, rows } = input;
  const source = sourceOf(candidate, name);
  if (source === undefined) return undefined;
  const byId = new Map(rows.map((row) => [row.id, row]));
  const all = devicesOf(candidate, source.deployment, rows);
  const devices: DevicePreview[] = [];
  const kept: KeptDevice[] = [];
  for (const { id: device, labels } of all) {
    const known = byId.get(device);
    const row = known === undefined ? undefined : { ...known, labels };
    if (row === undefined || !isChanged(row, source, input)) continue;
    const why = keptBy(row, input);
    if (why.length === 0) devices.push(changeOn(row, source, input));
    else kept.push({ device, why });
  }
  const { branch, release } = source;
  return {
    ...{ deployment: name, branch: branch.branch, commit: branch.commit, digest: release.digest },
    ...{ devices, kept, unchanged: all.length - devices.length - kept.length },
  };
}

function isChanged(row: DeviceRow, source: Source, input: Input): boolean {
  const before = beforeOn(row, input);
  return before === undefined || revisionOf(before.app) !== revisionOf(render(source, row));
}

function changeOn(row: DeviceRow, source: Source, input: Input): DevicePreview {
  const app = render(source, row);
  const before = beforeOn(row, input);
  const report = row.reported?.apps.find((one) => one.name === input.name);
  const held = [report?.current?.digest, report?.previous?.digest];
  const { digest, size } = source.release;
  return {
    device: row.id,
    downloadBytes: held.includes(digest) ? 0 : size,
    services: input.diff(before, { source, app }),
    risks: risksOf(row, { app, report, rules: rulesFor(row, source, input), now: input.now }),
  };
}

/** Undefined where it cannot be rendered, as of a pin whose commit is gone. */
function beforeOn(row: DeviceRow, { name, fleet, tracks, pins }: Input) {
  const pinned = pins.olderOf(row.id, row.labels)(name);
  if (pinned === "keep") return undefined;
  const track = tracks.byDeployment.get(name);
  const id = track === undefined ? undefined : snapshotFor(track, row.id);
  const placed = id === undefined ? undefined : tracks.snapshots.get(id);
  const source = sourceOf(pinned ?? placed ?? fleet, name);
  return source === undefined ? undefined : { source, app: render(source, row) };
}

function rulesFor(row: DeviceRow, { deployment, release }: Source, input: Input): UpdateRules {
  const { branches, defaultBranch } = input.candidate;
  const main = entryOf(branches, defaultBranch);
  const place = { site: row.labels["site"], device: row.id };
  return main === undefined ? release.rules : rulesOf(main, deployment, place, release);
}

/** The bundle, its unpacked content, and room to go on journalling. */
const roomFor = (size: number): number => 3 * size + 64 * 1024 ** 2;

interface Facts {
  app: AppSpec;
  report: AppReport | undefined;
  rules: UpdateRules;
  now: number;
}

function risksOf(row: DeviceRow, { app, report, rules, now }: Facts): Risk[] {
  const { hostHealth, reported } = row;
  const { lock, windows = [] } = rules;
  const free =
    hostHealth === null
      ? Number.POSITIVE_INFINITY
      : hostHealth.diskTotalBytes - hostHealth.diskUsedBytes;
  const found: Record<Risk, boolean> = {
    away: row.connection !== "Online",
    safeMode: reported?.safeMode !== undefined,
    locked: lock !== undefined && (lock.until === undefined || lock.until > now),
    windowClosed: !isOpen(windows, now),
    diskShort: free < roomFor(app.release.size),
    quarantined: report?.quarantined.includes(revisionOf(app)) ?? false,
    unhealthy: report !== undefined && report.health !== "Healthy",
  };
  return risks.filter((risk) => found[risk]);
}
