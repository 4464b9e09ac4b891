// Joins the device to its hub: MQTT while it works, HTTP while it does not, the journal in between.
import type { Clock } from "#shared/clock.ts";
import type { ReportedState } from "#shared/reported.ts";
import { encode, wire } from "#shared/wire.ts";
import { createContact } from "./contact.ts";
import type { FallbackLimits } from "./fallback.ts";
import { createGateway } from "./http.ts";
import { type Identity, trustedKeys } from "./identity.ts";
import { createInbox } from "./inbox.ts";
import { type Keepsakes, keepsakesInMemory } from "./keepsakes.ts";
import type { OpenLink } from "./link.ts";
import type { LoopLimits } from "./loop.ts";
import { createMemoKeeper } from "./memo.ts";
import { createOutbox, defaultOutboxLimits, type OutboxLimits } from "./outbox.ts";
import type { Sync, SyncJournal, SyncLogger, SyncSource, SyncStreams } from "./port.ts";
import { createReporter } from "./reporter.ts";
import { createReturning } from "./returning.ts";
import { createRhythms } from "./rhythm.ts";
import { createSilence } from "./silence.ts";
import { createWake } from "./wake.ts";
import { createWays, defaultIsolatedAfterMs, defaultTimeoutMs, type WayParts } from "./ways.ts";

export interface SyncConfig {
  /** Base address of the hub's HTTP API. */
  hubUrl: string;
  /** Instead of the address that enrolment gave. Without either the device uses HTTP alone. */
  mqttUrl?: string;
  /** Ms between HTTP exchanges while MQTT is not there. */
  pollMs: number;
  /** 30 by default; a dead connection is noticed within one and a half times this. */
  keepaliveSeconds?: number;
  /** How long one attempt to connect or one HTTP exchange may take; 10 s by default. */
  timeoutMs?: number;
  /** At most one report in each such interval; 200 ms by default. */
  reportIntervalMs?: number;
  /** Without a word of the hub itself for this long the device says that it is on its own; 5 min by
   *  default, and never less than three polls of a low-power rhythm. */
  isolatedAfterMs?: number;
  /** How long the hub may leave a connection that works without an answer; 30 s by default. */
  hubPatienceMs?: number;
  reconnect?: LoopLimits;
  fallback?: FallbackLimits;
  outbox?: OutboxLimits;
}

export interface SyncOptions {
  config: SyncConfig;
  identity: Identity;
  journal: SyncJournal;
  source: SyncSource;
  /** Absent: this device serves no live streams. */
  streams?: SyncStreams;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: SyncLogger;
  /** Another transport than MQTT over TCP or TLS. */
  openLink?: OpenLink;
  /** What is kept for the hub; by default only as long as this lives. */
  keepsakes?: Keepsakes;
}

const defaultReportIntervalMs = 200;

/** @throws FleetError config_invalid when the identity's keys cannot be read */
export function createSync(options: SyncOptions): Sync {
  const parts = createParts(options);
  const { contact, silence, rhythms, inbox } = parts;
  const ways = createWays(parts);
  const stopping = new AbortController();
  let work: Promise<unknown> = Promise.resolve();
  let newest: ReportedState | undefined;
  return {
    start: () => {
      const { signal } = stopping;
      work = Promise.all([
        ways.run(signal),
        silence.run(signal),
        inbox.run(signal),
        parts.returning.run(signal),
      ]);
    },
    stop: async () => {
      stopping.abort();
      await work;
    },
    status: contact.status,
    report: (reported) => {
      newest = reported;
      report(parts, reported);
    },
    journalGrew: parts.journalGrew,
    setRhythm: (rhythm) => {
      // The report carries the interval of the heartbeats, too.
      if (rhythms.set(rhythm) && newest !== undefined) report(parts, newest);
    },
    onChange: contact.onChange,
    onAsked: parts.onAsked,
  };
}

function createParts(options: SyncOptions): WayParts & Pick<Sync, "onAsked"> {
  const { config, identity, journal, clock, random, logger, source } = options;
  const limits = config.outbox ?? defaultOutboxLimits;
  const rhythms = createRhythms();
  const outbox = createOutbox({ journal, clock, random, limits });
  const coalesceMs = config.reportIntervalMs ?? defaultReportIntervalMs;
  const reporter = createReporter(clock, coalesceMs);
  const news = createWake();
  const journalGrew = (): void => {
    outbox.grew();
    news.set();
  };
  const contact = createContact(logger, () => silence);
  const silence = createSilence({
    journal,
    clock,
    logger,
    afterMs: () => rhythms.silenceMs(config.isolatedAfterMs ?? defaultIsolatedAfterMs),
    onChange: contact.changed,
    onJournalGrew: journalGrew,
  });
  const { device } = identity;
  const trusted = trustedKeys(identity);
  const keepsakes = options.keepsakes ?? keepsakesInMemory(identity);
  const gateway = createGateway({
    ...{ hubUrl: config.hubUrl, identity, timeoutMs: config.timeoutMs ?? defaultTimeoutMs },
  });
  const returning = createReturning({ gateway, journal, keepsakes, clock, random, logger });
  const onBehind = returning.behind;
  const asked: (() => void)[] = [];
  const inbox = createInbox({
    device,
    trusted,
    journal,
    logger,
    clock,
    memos: createMemoKeeper({ device, trusted, keepsakes, logger, onBehind }),
    onAccepted: contact.changed,
    onAsked: () => {
      for (const listener of asked) listener();
    },
    onBehind,
    onJournalGrew: journalGrew,
  });
  const beat: SyncSource["beat"] = () => {
    const usual = source.beat();
    return { ...usual, heartbeatMs: rhythms.beatMs(usual.heartbeatMs) };
  };
  const shared = {
    contact,
    silence,
    rhythms,
    inbox,
    returning,
    outbox,
    reporter,
    news,
    journalGrew,
    coalesceMs,
  };
  const onAsked: Sync["onAsked"] = (listener) => void asked.push(listener);
  return { ...options, ...shared, beat, onAsked };
}

/** A report over the limit would make the broker end the connection, again and again. */
function report({ reporter, news, logger, rhythms }: WayParts, reported: ReportedState): void {
  const said = { ...reported, heartbeatMs: rhythms.beatMs(reported.heartbeatMs) };
  const { byteLength } = encode("reported", said);
  if (byteLength > wire.reported.maxBytes) {
    logger.error({ byteLength, maxBytes: wire.reported.maxBytes }, "report too large, left out");
    return;
  }
  reporter.set(said);
  news.set();
}
