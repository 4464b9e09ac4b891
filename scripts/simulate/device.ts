// One simulated device: the agent's own sync over a journal in memory, and work that succeeds unless the release fails on its model.
import { randomBytes, randomUUID } from "node:crypto";
import { redeem } from "#edge/sync/enrol.ts";
import type { Identity } from "#edge/sync/identity.ts";
import type { Link, OpenLink } from "#edge/sync/link.ts";
import { openMqttLink } from "#edge/sync/mqtt.ts";
import { createSync } from "#edge/sync/sync.ts";
import type { Clock } from "#shared/clock.ts";
import { type DesiredState, revisionOf, specHash } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import { parseTopic } from "#shared/topic.ts";
import { createMemoryJournal, type MemoryJournal } from "./journal.ts";
import { fails, reportOf } from "./report.ts";
import type { Counts } from "./tally.ts";

export interface DeviceSettings {
  hubUrl: string;
  heartbeatMs: number;
  /** How long the device takes to do what it is told; each takes half to one and a half of it. */
  applyMs: number;
  /** Ms between health samples in the journal. */
  sampleMs: number;
}

interface DeviceOptions {
  device: DeviceId;
  labels: Labels;
  model: string;
  token: string;
  settings: DeviceSettings;
  clock: Clock;
  signal: AbortSignal;
}

export interface SimulatedDevice {
  counts(): Counts;
  latenciesMs(): readonly number[];
  stop(): Promise<void>;
}

/** Enrols and connects.
 *  @throws FleetError token_invalid, request_invalid, interrupted */
export async function startDevice(options: DeviceOptions): Promise<SimulatedDevice> {
  const { device, labels, token, settings, clock, signal } = options;
  const enrolment = { hubUrl: settings.hubUrl, token, device, labels, clock, signal };
  const nonce = randomBytes(32).toString("base64url");
  const identity = await redeem({ ...enrolment, random: Math.random }, nonce);
  return runDevice(options, identity);
}

function runDevice(options: DeviceOptions, identity: Identity): SimulatedDevice {
  const { device, labels, model, settings, clock } = options;
  const { heartbeatMs } = settings;
  const bootId = randomUUID();
  const journal = createMemoryJournal(clock, bootId);
  const wire = countingLink(clock);
  const over = new AbortController();
  const simulated = { device, bootId, epoch: journal.epoch, labels, heartbeatMs, model };
  let before: ReportedState | undefined;
  const report = (desired: DesiredState, isDone: boolean): void => {
    const next = reportOf(simulated, desired, { done: isDone, at: clock.now(), before });
    before = next;
    sync.report(next);
  };
  const latenciesMs: number[] = [];
  let begun = 0;
  let done = 0;

  const sync = createSync({
    config: { hubUrl: settings.hubUrl, pollMs: heartbeatMs },
    identity,
    journal,
    source: { beat: () => beatOf(journal, bootId, settings, clock) },
    clock,
    random: Math.random,
    logger: wire.logger,
    openLink: wire.open,
  });
  const work = async (desired: DesiredState): Promise<void> => {
    latenciesMs.push(clock.now() - Math.max(desired.issuedAt, wire.connectedAt()));
    report(desired, false);
    await clock.sleep(settings.applyMs * (0.5 + Math.random()), over.signal);
    if (over.signal.aborted || journal.desired()?.generation !== desired.generation) return;
    recordUpdates(journal, desired, { durationMs: settings.applyMs, model });
    sync.journalGrew();
    report(desired, true);
    done = desired.generation;
  };
  sync.onChange(() => {
    const desired = journal.desired();
    if (desired === undefined || desired.generation <= begun) return;
    begun = desired.generation;
    void work(desired);
  });
  journal.append({ kind: "agent.started", body: { version: "0.0.0-simulated" } });
  sync.start();
  const samples = sampleHealth(journal, sync.journalGrew, settings, clock, over.signal);

  return {
    latenciesMs: () => latenciesMs,
    counts: () => {
      const { entries, acknowledged } = journal.counts();
      return {
        devices: 1,
        connected: sync.status().connected ? 1 : 0,
        synced: done > 0 && done === journal.desired()?.generation ? 1 : 0,
        journalEntries: entries,
        acked: acknowledged,
        ...wire.counts(),
      };
    },
    stop: async () => {
      over.abort();
      await Promise.all([sync.stop(), samples]);
    },
  };
}

function beatOf(
  journal: MemoryJournal,
  bootId: string,
  { heartbeatMs }: DeviceSettings,
  clock: Clock,
) {
  const desired = journal.desired();
  const hash = desired === undefined ? "" : specHash(desired);
  const at = clock.now();
  return { bootId, generation: desired?.generation ?? 0, specHash: hash, at, heartbeatMs };
}

function recordUpdates(
  journal: MemoryJournal,
  desired: DesiredState,
  { durationMs, model }: { durationMs: number; model: string },
): void {
  for (const app of desired.apps) {
    const { digest, commit } = app.release;
    const names = { attempt: randomUUID(), revision: revisionOf(app), digest, commit };
    journal.append({ kind: "update.started", app: app.name, body: names });
    const outcome = fails(app, model) ? "rolledBack" : "succeeded";
    const body = { ...names, outcome, durationMs };
    journal.append({ kind: "update.finished", app: app.name, body });
  }
}

/** Begins at a random moment, so that a fleet does not speak in chorus. */
async function sampleHealth(
  journal: MemoryJournal,
  grew: () => void,
  { sampleMs }: DeviceSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await clock.sleep(sampleMs * Math.random(), signal);
  while (!signal.aborted) {
    journal.append({ kind: "health.sampled", body: { cpu: Math.random(), load1: Math.random() } });
    grew();
    await clock.sleep(sampleMs, signal);
  }
}

/** The agent's own link, with what passes over it counted. */
function countingLink(clock: Clock) {
  const counts = { beats: 0, reported: 0, reconnects: 0, errors: 0 };
  let connects = 0;
  let connectedAt = 0;
  const fail = (): void => {
    counts.errors += 1;
  };
  const counting = (link: Link): Link => ({
    ...link,
    publish: (topic, payload, options) => {
      const channel = parseTopic(topic)?.channel;
      if (channel === "beat") counts.beats += 1;
      if (channel === "reported") counts.reported += 1;
      return link.publish(topic, payload, options);
    },
  });
  const open: OpenLink = async (options) => {
    const link = await openMqttLink(options);
    connectedAt = clock.now();
    connects += 1;
    if (connects > 1) counts.reconnects += 1;
    return counting(link);
  };
  const quiet = (): void => undefined;
  return {
    open,
    counts: () => counts,
    connectedAt: () => connectedAt,
    logger: { debug: quiet, info: quiet, warn: fail, error: fail },
  };
}
