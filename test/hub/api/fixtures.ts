// Devices, reports, desired states and releases as tests put them into the store.
import { generateKeyPairSync } from "node:crypto";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { DesiredRow, ReleaseRow } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import { keyIdOf, sealDesired } from "#shared/envelope.ts";
import type { AppName, DeviceId, Digest, RevisionId } from "#shared/ids.ts";
import type { EntryKind, JournalEntry } from "#shared/journal.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import { enrol, startMs, type World } from "./world.ts";

export const digestOf = (name: string): Digest => sha256(name) as Digest;
export const revisionOf = (name: string): RevisionId => sha256(`revision ${name}`) as RevisionId;
export const commitOf = (name: string): string => sha256(name).slice(0, 40);

const { privateKey, publicKey } = generateKeyPairSync("ed25519");

export function desiredRow(device: DeviceId, generation: number, release = "first"): DesiredRow {
  const desired: DesiredState = {
    device,
    generation,
    issuedAt: startMs,
    mode: "run",
    apps: [
      {
        name: "web" as AppName,
        release: {
          digest: digestOf(release),
          size: 10,
          role: "web",
          commit: commitOf(release),
          branch: "main",
        },
        values: {},
        policy: { gracePeriodMs: 10_000, stableMs: 0 },
      },
    ],
  };
  const { apps, mode } = desired;
  return {
    device,
    generation,
    specHash: specHash(desired),
    content: { device, mode, apps },
    envelope: sealDesired(desired, privateKey, keyIdOf(publicKey)),
    issuedAt: desired.issuedAt,
  };
}

export function revision(release: string) {
  return {
    revision: revisionOf(release),
    digest: digestOf(release),
    role: "web",
    commit: commitOf(release),
    branch: "main",
  };
}

export function appReport(name: string, over: Partial<AppReport> = {}): AppReport {
  return {
    name: name as AppName,
    sync: "Synced",
    health: "Healthy",
    current: revision("first"),
    quarantined: [],
    services: [
      {
        name: "server",
        health: "Healthy",
        wanted: 1,
        ready: 1,
        image: "registry.local/server:1.4",
        configHash: sha256("config"),
        runtime: "docker",
        instances: [
          {
            id: sha256(name).slice(0, 12),
            index: 1,
            state: "running",
            health: "healthy",
            restarts: 0,
            startedAt: startMs - 7_200_000,
          },
        ],
      },
    ],
    ...over,
  };
}

export function reportedState(device: DeviceId, over: Partial<ReportedState> = {}): ReportedState {
  return {
    device,
    bootId: "boot-1",
    epoch: "epoch-1",
    at: startMs,
    observedGeneration: 1,
    specHash: "hash",
    mode: "run",
    labels: {},
    heartbeatMs: 10_000,
    host: {
      hostname: device,
      os: "Debian GNU/Linux 13",
      arch: "arm64",
      kernel: "6.12",
      model: "Raspberry Pi 5 Model B",
      agentVersion: "0.1.0",
      runtimes: ["docker"],
      metricsAddress: `${device}.local:7090`,
    },
    apps: [appReport("web")],
    conditions: [
      {
        type: "Synced",
        status: "True",
        reason: "AllAppsSynced",
        message: "every app runs what is wanted",
        lastTransitionTime: startMs - 60_000,
        observedGeneration: 1,
      },
    ],
    ...over,
  };
}

/** A device that is online, synced and healthy, unless told otherwise. */
export async function addDevice(
  world: World,
  id: string,
  options: { labels?: Record<string, string>; apps?: AppReport[]; offline?: boolean } = {},
): Promise<DeviceId> {
  const labels = options.labels ?? { site: "north" };
  const device = await enrol(world, id, labels);
  const apps = options.apps ?? [appReport("web")];
  const desired = desiredRow(device, 1);
  await world.store.saveDesired(desired);
  await world.store.changeDevices([
    {
      id: device,
      lastSeenAt: world.clock.now() - (options.offline ? 3_600_000 : 4000),
      connection: options.offline ? "Offline" : "Online",
      observedGeneration: 1,
      observedHash: desired.specHash,
      sync: apps.every(({ sync }) => sync === "Synced") ? "Synced" : "OutOfSync",
      health: apps.every(({ health }) => health === "Healthy") ? "Healthy" : "Degraded",
      reported: reportedState(device, { apps, labels }),
    },
  ]);
  return device;
}

/** A journal of one update: started, its steps, finished. */
export function updateEntries(options: {
  attempt: string;
  fromSeq: number;
  app?: string;
  release?: string;
  steps: string[];
  outcome?: "succeeded" | "rolledBack";
  at?: number;
}): JournalEntry[] {
  const { attempt, fromSeq, app = "web", release = "first", steps, outcome } = options;
  const begin = options.at ?? startMs - 600_000;
  const names = {
    attempt,
    revision: revisionOf(release),
    digest: digestOf(release),
    commit: commitOf(release),
  };
  let seq = fromSeq;
  const entry = (kind: EntryKind, body: Record<string, unknown>): JournalEntry => {
    const at = begin + (seq - fromSeq) * 1000;
    return { seq: seq++, bootId: "boot-1", at, monotonicMs: at - startMs + 1e7, kind, app, body };
  };
  const isGood = outcome === "succeeded";
  const failure = isGood ? {} : { code: "unhealthy", message: "server did not become healthy" };
  return [
    entry("update.started", names),
    ...steps.map((step) =>
      entry("step.finished", { attempt, step, ok: isGood || step !== "probe", durationMs: 900 }),
    ),
    ...(outcome === undefined
      ? []
      : [entry("update.finished", { ...names, outcome, durationMs: 5000, ...failure })]),
  ];
}

export async function addJournal(
  world: World,
  device: DeviceId,
  entries: JournalEntry[],
): Promise<void> {
  const [from, to] = [entries[0]?.seq ?? 1, entries.at(-1)?.seq ?? 1];
  const batch = { epoch: "epoch-1", from, to, entries };
  await world.store.appendJournal([{ device, batch }], world.clock.now());
}

export function releaseRow(name: string, createdAt = startMs): ReleaseRow {
  return {
    digest: digestOf(name),
    role: "web",
    size: 2048,
    createdAt,
    commits: [
      {
        commit: commitOf(name),
        branch: "main",
        author: "Ada",
        subject: `release ${name}`,
        committedAt: createdAt,
      },
    ],
  };
}

/** The fleet at a commit, with one deployment that selects every device and rolls out by a policy. */
export function fleetAt(name: string): FleetSnapshot {
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const release = { role: "robot", digest: digestOf(name), size: 1024, values: {}, policy };
  const rollout = RolloutPolicy.parse({ steps: [{ select: "role=canary" }, { approval: true }] });
  const deployment = { name: "robots" as AppName, selector: [], role: "robot", branch: "main" };
  const main = {
    branch: "main",
    commit: commitOf(name),
    values: {},
    deployments: [{ ...deployment, values: {}, rollout }],
    sites: {},
    devices: {},
    roles: { robot: { ...release, rules: { maxHoldMs: 0 } } },
  };
  return { defaultBranch: "main", branches: { main } };
}

/** Lets the hub take up a second commit, which begins a rollout.
 *  @returns its number */
export async function addRollout(world: World): Promise<number> {
  for (const name of ["first", "second"]) world.fleets.set(commitOf(name), fleetAt(name));
  await world.rollouts.follow(fleetAt("first"));
  await world.rollouts.follow(fleetAt("second"));
  const { rows } = await world.store.rollouts({ limit: 1 });
  return rows[0]?.id ?? 0;
}
