// A local status with everything in it, a token and a clock.
import { createHmac } from "node:crypto";
import type { LocalStatus } from "#edge/page/status.ts";
import type { PageToken } from "#edge/page/token.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import { AppName, DeviceId, Digest, RevisionId } from "#shared/ids.ts";

export const tokenText = "k3m9-0vxe-aaaa-bbbb";

export const fixedToken: PageToken = {
  file: "/boot/firmware/fleet-token",
  start: async () => undefined,
  stop: () => undefined,
  matches: (typed) => typed === tokenText,
  sign: (text) => createHmac("sha256", tokenText).update(text).digest("base64url"),
};

/** Timers run, and the time of decisions stands where the test puts it. */
export function clockAt(monotonicMs: () => number): Pick<Clock, "monotonicMs" | "sleep"> {
  return { monotonicMs, sleep: systemClock.sleep };
}

const app = AppName.parse("web");
const revision = RevisionId.parse("1".repeat(64));
const digest = Digest.parse("2".repeat(64));

export function statusOf(fields: Partial<LocalStatus> = {}): LocalStatus {
  return {
    device: DeviceId.parse("pi-1"),
    hostname: "pi-1.example.org",
    labels: { site: "north" },
    agentVersion: "0.1.0",
    bootId: "boot",
    startedAt: 1_700_000_000_000,
    at: 1_700_000_100_000,
    generation: 7,
    specHash: "3".repeat(64),
    mode: "run",
    sync: "OutOfSync",
    health: "Degraded",
    runtimes: ["docker", "process"],
    connection: {
      connected: false,
      via: "none",
      problem: "connection refused",
      lastContactAgoMs: 61_000,
    },
    apps: [
      {
        name: app,
        sync: "OutOfSync",
        health: "Degraded",
        current: { revision, digest, role: "web", commit: "c".repeat(40), branch: "main" },
        target: { revision, digest, role: "web", commit: "d".repeat(40), branch: "main" },
        step: "pull",
        failure: {
          code: "image_missing",
          message: "no image <b>web:2</b>",
          hint: "Push it.",
          at: 1,
        },
        quarantined: [],
        services: [
          {
            name: "web",
            health: "Healthy",
            wanted: 2,
            ready: 1,
            configHash: "h",
            runtime: "docker",
            instances: [],
          },
        ],
      },
    ],
    conditions: [
      {
        type: "AgentConnected",
        status: "False",
        reason: "ConnectionRefused",
        message: "the hub does not answer",
        lastTransitionTime: 1_700_000_000_000,
      },
    ],
    host: {
      cpu: 0.25,
      load1: 0.5,
      memoryUsedBytes: 1e9,
      memoryTotalBytes: 4e9,
      diskUsedBytes: 10e9,
      diskTotalBytes: 40e9,
      temperatureC: 51.5,
      uptimeSeconds: 1000,
    },
    updates: [
      {
        attempt: "a1",
        app,
        revision,
        digest,
        commit: "d".repeat(40),
        startedAt: 1_700_000_000_000,
        finishedAt: 1_700_000_002_000,
        outcome: "rolledBack",
        failure: { code: "unhealthy", message: "answered 500", at: 1 },
        steps: [{ step: "fetch", at: 1_700_000_000_000, durationMs: 1500, ok: true }],
      },
    ],
    journalUnacknowledged: 12,
    ...fields,
  };
}
