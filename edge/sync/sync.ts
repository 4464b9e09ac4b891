// Joins the device to its hub: MQTT while it works, HTTP while it does not, the journal in between.
import type { Clock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import type { ReportedState } from "#shared/reported.ts";
import { topicOf } from "#shared/topic.ts";
import { encode, wire } from "#shared/wire.ts";
import { type Contact, createContact } from "./contact.ts";
import {
  createFallback,
  defaultFallbackLimits,
  type Fallback,
  type FallbackLimits,
} from "./fallback.ts";
import { createGateway } from "./http.ts";
import { type Identity, mqttLogin, trustedKeys } from "./identity.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import type { Link, OpenLink } from "./link.ts";
import { defaultLoopLimits, keepLinked, type LoopLimits } from "./loop.ts";
import { openMqttLink } from "./mqtt.ts";
import { createOutbox, defaultOutboxLimits, type Outbox, type OutboxLimits } from "./outbox.ts";
import { runPolling } from "./polling.ts";
import type { Sync, SyncJournal, SyncLogger, SyncSource } from "./port.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { runSession } from "./session.ts";
import { createWake, type Wake } from "./wake.ts";

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
  reconnect?: LoopLimits;
  fallback?: FallbackLimits;
  outbox?: OutboxLimits;
}

interface SyncOptions {
  config: SyncConfig;
  identity: Identity;
  journal: SyncJournal;
  source: SyncSource;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: SyncLogger;
  /** Another transport than MQTT over TCP or TLS. */
  openLink?: OpenLink;
}

/** What both ways to the hub share. */
interface Parts extends SyncOptions {
  contact: Contact;
  inbox: Inbox;
  outbox: Outbox;
  reporter: Reporter;
  /** Wakes the HTTP way. */
  news: Wake;
  journalGrew: () => void;
}

const defaultTimeoutMs = 10_000;
const defaultReportIntervalMs = 200;
const atOnce: FallbackLimits = { failures: 0, afterMs: 0 };

/** @throws FleetError config_invalid when the identity's keys cannot be read */
export function createSync(options: SyncOptions): Sync {
  const parts = createParts(options);
  const mqttUrl = options.config.mqttUrl ?? options.identity.mqttUrl;
  const fallback = createHttpWay(parts, mqttUrl === undefined ? atOnce : options.config.fallback);
  const stopping = new AbortController();
  let work = Promise.resolve();
  return {
    start: () => {
      fallback.down();
      if (mqttUrl !== undefined) work = keepMqtt(parts, mqttUrl, fallback, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([work, fallback.stop()]);
    },
    status: parts.contact.status,
    report: (reported) => report(parts, reported),
    journalGrew: parts.journalGrew,
    onChange: parts.contact.onChange,
  };
}

function createParts(options: SyncOptions): Parts {
  const { config, identity, journal, clock, logger } = options;
  const contact = createContact(clock, logger);
  const outbox = createOutbox({ journal, clock, limits: config.outbox ?? defaultOutboxLimits });
  const reporter = createReporter(clock, config.reportIntervalMs ?? defaultReportIntervalMs);
  const news = createWake();
  const journalGrew = (): void => {
    outbox.grew();
    news.set();
  };
  const inbox = createInbox({
    device: identity.device,
    trusted: trustedKeys(identity),
    journal,
    logger,
    onAccepted: contact.changed,
    onJournalGrew: journalGrew,
  });
  return { ...options, contact, inbox, outbox, reporter, news, journalGrew };
}

function createHttpWay(parts: Parts, limits = defaultFallbackLimits): Fallback {
  const { config, identity, contact, source, clock } = parts;
  const { hubUrl, pollMs, timeoutMs = defaultTimeoutMs } = config;
  const polling = {
    ...parts,
    gateway: createGateway({ hubUrl, identity, timeoutMs }),
    beat: () => source.beat(),
    pollMs,
    coalesceMs: config.reportIntervalMs ?? defaultReportIntervalMs,
    onUp: () => contact.up("http"),
    onDown: (error: FleetError) => contact.down("http", error),
  };
  const run = async (signal: AbortSignal): Promise<void> => {
    await runPolling(polling, signal);
    contact.down("http", undefined);
  };
  return createFallback({ clock, limits, run });
}

/** Never throws; ends with the signal. */
function keepMqtt(
  parts: Parts,
  url: string,
  fallback: Fallback,
  signal: AbortSignal,
): Promise<void> {
  const { config, contact, clock, random } = parts;
  const session = sessionParts(parts, fallback);
  const onDown = (error: FleetError | undefined): void => {
    contact.down("mqtt", error);
    fallback.failed();
  };
  return keepLinked(
    {
      open: (attempt) => open(parts, url, attempt),
      use: (link, ending) => runSession(link, session, ending),
      onDown,
      clock,
      random,
      limits: config.reconnect ?? defaultLoopLimits,
    },
    signal,
  );
}

function sessionParts(parts: Parts, fallback: Fallback) {
  const { identity, contact, source } = parts;
  return {
    ...parts,
    device: identity.device,
    beat: () => source.beat(),
    onContact: contact.seen,
    onUp: () => {
      contact.up("mqtt");
      fallback.up();
    },
  };
}

function open(parts: Parts, url: string, signal: AbortSignal): Promise<Link> {
  const { config, identity, source, openLink = openMqttLink } = parts;
  const { qos, retain } = wire.conn;
  const payload = encode("conn", { state: "offline", bootId: source.beat().bootId });
  return openLink({
    url,
    ...mqttLogin(identity),
    will: { topic: topicOf(identity.device, "conn"), payload, qos, retain },
    keepaliveSeconds: config.keepaliveSeconds ?? 30,
    connectTimeoutMs: config.timeoutMs ?? defaultTimeoutMs,
    signal,
  });
}

/** A report over the limit would make the broker end the connection, again and again. */
function report({ reporter, news, logger }: Parts, reported: ReportedState): void {
  const { byteLength } = encode("reported", reported);
  if (byteLength > wire.reported.maxBytes) {
    logger.error({ byteLength, maxBytes: wire.reported.maxBytes }, "report too large, left out");
    return;
  }
  reporter.set(reported);
  news.set();
}
