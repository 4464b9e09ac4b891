// A device under test: a real journal on disk, an identity, and sync with short times.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { Identity } from "#edge/sync/identity.ts";
import type { OpenLink } from "#edge/sync/link.ts";
import { openMqttLink } from "#edge/sync/mqtt.ts";
import type { OutboxLimits } from "#edge/sync/outbox.ts";
import type { Sync, SyncStreams } from "#edge/sync/port.ts";
import { createSync, type SyncConfig } from "#edge/sync/sync.ts";
import { systemClock } from "#shared/clock.ts";
import type { DesiredState } from "#shared/desired.ts";
import { type Envelope, keyIdOf, sealDesired } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import { takePorts } from "#test/support/ports.ts";

export const deviceId = "pi-1" as DeviceId;
export const secret = "correct horse battery staple";
export const silent = pino({ level: "silent" });

export const hubKeys: { privateKey: KeyObject; publicKey: KeyObject } =
  generateKeyPairSync("ed25519");

export function seal(desired: DesiredState, key = hubKeys): Envelope {
  return sealDesired(desired, key.privateKey, keyIdOf(key.publicKey));
}

export function desiredState(
  generation: number,
  changes: Partial<DesiredState> = {},
): DesiredState {
  return { device: deviceId, generation, issuedAt: 1, mode: "run", apps: [], ...changes };
}

export function identityFor(mqttUrl?: string): Identity {
  return {
    device: deviceId,
    secret,
    hubKeys: [hubKeys.publicKey.export({ type: "spki", format: "pem" }).toString()],
    ...(mqttUrl === undefined ? {} : { mqttUrl }),
  };
}

export function reportedState(observedGeneration: number): ReportedState {
  return {
    device: deviceId,
    bootId: "boot-1",
    epoch: "epoch",
    at: 1,
    observedGeneration,
    specHash: "hash",
    mode: "run",
    labels: {},
    heartbeatMs: 1000,
    host: {
      hostname: "pi",
      os: "linux",
      arch: "arm64",
      kernel: "6",
      model: "Pi",
      agentVersion: "0",
      runtimes: ["process"],
    },
    apps: [],
    conditions: [],
  };
}

export interface TestDevice {
  journal: Journal;
  sync: Sync;
  remove(): Promise<void>;
}

/** Times are short, so that a test of a fallback takes no minute. */
const quick = {
  pollMs: 100,
  timeoutMs: 5000,
  reportIntervalMs: 20,
  reconnect: { baseMs: 50, maxMs: 200, stableMs: 5000 },
  fallback: { failures: 100, afterMs: 60_000 },
  outbox: {
    coalesceMs: 5,
    ackTimeoutMs: 300,
    maxEntries: 500,
    maxBytes: 256 * 1024,
    firstBytes: 32 * 1024,
    catchUpMs: 100,
  },
} satisfies Omit<SyncConfig, "hubUrl">;

/** For tests that count batches: none goes out again because the machine is busy. */
export const patientOutbox: OutboxLimits = { ...quick.outbox, ackTimeoutMs: 30_000 };

export function startDevice(
  config: Partial<SyncConfig> & { mqttUrl?: string },
  before: (journal: Journal) => void = () => undefined,
  heartbeatMs = () => 200,
  openLink: OpenLink = openMqttLink,
  streams?: SyncStreams,
): TestDevice {
  const directory = mkdtempSync(join(tmpdir(), "fleet-sync-"));
  const journal = openJournal({ file: join(directory, "journal.sqlite"), clock: systemClock });
  before(journal);
  const sync = createSync({
    config: { hubUrl: "http://127.0.0.1:1", ...quick, ...config },
    identity: identityFor(),
    journal,
    source: {
      beat: () => ({
        bootId: journal.bootId,
        generation: journal.desired()?.generation ?? 0,
        specHash: "",
        at: Date.now(),
        heartbeatMs: heartbeatMs(),
      }),
    },
    clock: systemClock,
    random: Math.random,
    logger: silent,
    openLink,
    ...(streams === undefined ? {} : { streams }),
  });
  sync.start();
  return {
    journal,
    sync,
    remove: async () => {
      await sync.stop();
      journal.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until it holds; the suite's own limit ends the waiting. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(5);
}

/** For a server that must come back at the same place. */
export async function freePort(): Promise<number> {
  const [port] = await takePorts(1);
  return port;
}
