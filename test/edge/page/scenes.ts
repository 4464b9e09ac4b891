// Devices as their pages show them: one that is well, one in the middle of an update, one in safe mode.
import type { LocalStatus } from "#edge/page/status.ts";
import { systemClock } from "#shared/clock.ts";
import { AppName, DeviceId, Digest, RevisionId } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import type { AppReport, ServiceReport } from "#shared/reported.ts";

const minutesMs = 60_000;
const bootId = "5a1c77e0-0000-4000-8000-000000000000";
const revision = (letter: string): RevisionId => RevisionId.parse(letter.repeat(64));
const digest = Digest.parse("2".repeat(64));
const good = "4f1d9c2ab7e6";
const next = "9be03ac51d77";
const commitOf = (start: string): string => start.padEnd(40, "0");

function service(name: string, ready: number, wanted: number, restarts = 0): ServiceReport {
  return {
    ...{ name, wanted, ready, configHash: "h", runtime: "docker" },
    health: ready === wanted ? "Healthy" : "Degraded",
    instances: Array.from({ length: wanted }, (_, at) => ({
      ...{ id: `${name}-${at}`, index: at + 1, state: "running", health: "healthy", restarts },
    })),
  };
}

function app(name: string, services: ServiceReport[], more: Partial<AppReport> = {}): AppReport {
  const current = {
    revision: revision("1"),
    digest,
    role: name,
    commit: commitOf(good),
    branch: "main",
  };
  return {
    ...{ name: AppName.parse(name), sync: "Synced", health: "Healthy", quarantined: [] },
    ...{ current, services },
    ...more,
  };
}

/** Times are counted back from now, and the boot was two hours ago or more. */
export function healthyScene(): LocalStatus {
  const now = Date.now();
  const nowMs = systemClock.monotonicMs();
  let seq = 40;
  const entry = (
    agoMs: number,
    kind: JournalEntry["kind"],
    body: JournalEntry["body"],
    about?: string,
  ): JournalEntry => ({
    ...{ seq: seq--, bootId, at: now - agoMs, monotonicMs: nowMs - agoMs, kind, body },
    ...(about === undefined ? {} : { app: about }),
  });
  const steps = {
    fetch: 2100,
    verify: 40,
    stage: 310,
    validate: 25,
    pull: 8400,
    hold: 12,
    check: 60,
  };
  const later = { swap: 35, start: 1900, probe: 3050, switch: 5, commit: 22 };
  let at = now - 16 * minutesMs;
  const passed = Object.entries({ ...steps, ...later }).map(([step, durationMs]) => {
    at += durationMs;
    return { step, at: at - durationMs, durationMs, ok: true };
  });
  const failure = {
    code: "unhealthy",
    message: "robot answered 500 on /health for 30 s",
    at: now - 190 * minutesMs,
  };
  return {
    ...{
      device: DeviceId.parse("pi-north-1"),
      hostname: "pi-north-1.local",
      agentVersion: "0.1.0",
    },
    labels: { site: "north", segment: "canary", role: "robot-host" },
    ...{
      bootId,
      startedAt: now - 190 * minutesMs,
      at: now,
      generation: 7,
      specHash: "3".repeat(64),
    },
    ...{ mode: "run", sync: "Synced", health: "Healthy", runtimes: ["docker", "process"] },
    connection: { connected: true, via: "mqtt", lastContactAgoMs: 4000 },
    apps: [
      app("robots", [service("robot", 3, 3), service("status", 1, 1)]),
      app("signage", [service("screen", 1, 1)]),
    ],
    conditions: [
      {
        type: "AgentConnected",
        status: "True",
        reason: "Mqtt",
        message: "by mqtt",
        lastTransitionTime: now - 9e6,
      },
      {
        type: "Synced",
        status: "True",
        reason: "Synced",
        message: "2 apps as desired",
        lastTransitionTime: now - 9e5,
      },
      {
        type: "Healthy",
        status: "True",
        reason: "Healthy",
        message: "2 apps healthy",
        lastTransitionTime: now - 9e5,
      },
      {
        type: "SafeMode",
        status: "False",
        reason: "Normal",
        message: "the device follows its desired state",
        lastTransitionTime: now - 9e6,
      },
    ],
    host: {
      ...{ cpu: 0.18, load1: 0.72, memoryUsedBytes: 1.31e9, memoryTotalBytes: 4.1e9 },
      ...{
        diskUsedBytes: 11.2e9,
        diskTotalBytes: 31.1e9,
        temperatureC: 52.1,
        uptimeSeconds: 93_000,
      },
    },
    disk: { usedBytes: 11.2e9, freeBytes: 19.9e9, reserveBytes: 0.2e9 },
    updates: [
      {
        ...{ attempt: "a2", app: AppName.parse("robots"), revision: revision("1"), digest },
        ...{
          commit: commitOf(good),
          startedAt: now - 16 * minutesMs,
          finishedAt: at,
          outcome: "succeeded",
          steps: passed,
        },
      },
      {
        ...{ attempt: "a1", app: AppName.parse("robots"), revision: revision("4"), digest },
        ...{
          commit: commitOf("77aa01c3fe42"),
          startedAt: now - 192 * minutesMs,
          finishedAt: now - 190 * minutesMs,
        },
        ...{ outcome: "rolledBack", failure },
        steps: [
          ...passed.slice(0, 9),
          { step: "probe", at: now, durationMs: 30_100, ok: false, message: failure.message },
          { step: "rollBack", at: now, durationMs: 40, ok: true },
          { step: "restore", at: now, durationMs: 2200, ok: true },
        ],
      },
    ],
    journalUnacknowledged: 0,
    events: [
      entry(
        3 * minutesMs,
        "drift.repaired",
        { message: "screen was stopped by hand; it was started again" },
        "signage",
      ),
      entry(15 * minutesMs, "update.finished", { attempt: "a2", outcome: "succeeded" }, "robots"),
      entry(16 * minutesMs, "desired.received", { generation: 7 }),
      entry(100 * minutesMs, "agent.started", { version: "0.1.0" }),
    ],
  };
}

export function updatingScene(): LocalStatus {
  const status = healthyScene();
  const [robots, ...others] = status.apps;
  if (robots?.current === undefined) throw new Error("no app");
  const target = { ...robots.current, revision: revision("5"), commit: commitOf(next) };
  const why = [
    {
      reason: "DiskShort",
      message: "the images of the new release need 120 MB more than the disk has free",
    },
    {
      reason: "ImagesHeld",
      message: "images of two old releases are kept until signage has ended its update",
    },
    { reason: "WindowClosed", message: "the window of signage opens at 02:00" },
  ];
  return {
    ...status,
    sync: "OutOfSync",
    apps: [{ ...robots, sync: "OutOfSync", target, why, step: "pull", progress: 0.4 }, ...others],
    running: [
      {
        ...{ id: "a3", app: robots.name, commit: target.commit, stage: "pull", tries: 1, bootId },
        ...{
          startedAt: status.at - 70_000,
          startedMonotonicMs: systemClock.monotonicMs() - 70_000,
        },
      },
    ],
  };
}

export function safeModeScene(): LocalStatus {
  const status = healthyScene();
  const [robots, ...others] = status.apps;
  if (robots?.current === undefined) throw new Error("no app");
  const target = { ...robots.current, revision: revision("5"), commit: commitOf(next) };
  const why = [
    { reason: "SafeMode", message: "the device is in safe mode and tries no new release" },
    {
      reason: "FailedUpdates",
      message: "three updates in a row failed, the last at its probe: robot answered 500",
    },
  ];
  const message =
    "three updates in a row failed, the last one at its probe: robot answered 500 on /health";
  return {
    ...status,
    sync: "OutOfSync",
    isolated: true,
    connection: {
      connected: false,
      via: "none",
      lastContactAgoMs: 25 * minutesMs,
      problem: "connection refused",
    },
    apps: [{ ...robots, sync: "OutOfSync", target, why, quarantined: [revision("5")] }, ...others],
    safeMode: {
      cause: "failedUpdates",
      message,
      since: status.at - 12 * minutesMs,
      serves: "lastGood",
    },
    disk: { usedBytes: 30.95e9, freeBytes: 0.15e9, reserveBytes: 0.2e9 },
    journalUnacknowledged: 212,
  };
}

/** A disk without a free byte, and the longest, widest and strangest words that a page may have to show. */
export function fullDiskScene(): LocalStatus {
  const status = safeModeScene();
  const [robots, ...others] = status.apps;
  if (robots === undefined) throw new Error("no app");
  const long = "x".repeat(180);
  const strange = `שלום \u202e(reversed) <img src=x onerror="alert(1)"> ${long}`;
  const why = [
    { reason: "SafeMode", message: "the device is in safe mode and tries no new release" },
    { reason: "DiskFull", message: `the disk is full: ${strange}` },
  ];
  const name = AppName.parse(`a${"_without_a_break".repeat(4)}`.slice(0, 63));
  const failure = { code: "disk_full", message: strange, hint: long, at: status.at };
  return {
    ...status,
    ...{ device: DeviceId.parse("w-longest".repeat(7)), hostname: `${long}.local` },
    labels: { ["L".repeat(63)]: "V".repeat(63) },
    connection: { connected: false, via: "none", problem: strange },
    apps: [{ ...robots, name, why, failure, services: [service("s".repeat(63), 0, 3)] }, ...others],
    conditions: status.conditions.map((one) => ({ ...one, message: strange })),
    safeMode: {
      ...{ cause: "diskFull", message: "the disk is full", since: status.at - 5000 },
      serves: "nothing",
    },
    disk: { usedBytes: 31.1e9, freeBytes: 0, reserveBytes: 0.2e9 },
  };
}
