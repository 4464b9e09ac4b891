// The two ways to the hub and when each is taken: always in touch, or awake for a moment at each poll.
import type { Beat, Presence } from "#shared/beat.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { topicOf } from "#shared/topic.ts";
import { encode, wire } from "#shared/wire.ts";
import type { Contact } from "./contact.ts";
import { createFallback, defaultFallbackLimits, type FallbackLimits } from "./fallback.ts";
import { createGateway, type Gateway } from "./http.ts";
import { mqttLogin } from "./identity.ts";
import type { Inbox } from "./inbox.ts";
import type { Link } from "./link.ts";
import { defaultLoopLimits, keepLinked } from "./loop.ts";
import { openMqttLink } from "./mqtt.ts";
import type { Outbox } from "./outbox.ts";
import { createExchange, type PollingOptions, runPolling } from "./polling.ts";
import type { Reporter } from "./reporter.ts";
import type { Returning } from "./returning.ts";
import type { Rhythms } from "./rhythm.ts";
import { runSession } from "./session.ts";
import type { Silence } from "./silence.ts";
import { sleepBetween } from "./sleep.ts";
import type { SyncOptions } from "./sync.ts";
import { createWake, type Wake } from "./wake.ts";

/** What both ways share. */
export interface WayParts extends SyncOptions {
  contact: Contact;
  silence: Silence;
  rhythms: Rhythms;
  inbox: Inbox;
  returning: Returning;
  outbox: Outbox;
  reporter: Reporter;
  /** Wakes the HTTP way. */
  news: Wake;
  journalGrew: () => void;
  coalesceMs: number;
  /** In the rhythm that holds now. */
  beat: () => Beat;
}

export interface Ways {
  /** Never throws; ends with the signal. */
  run(signal: AbortSignal): Promise<void>;
}

type SessionParts = Parameters<typeof runSession>[1];

export const defaultTimeoutMs = 10_000;
const defaultKeepaliveSeconds = 30;
const defaultHubPatienceMs = 30_000;
export const defaultIsolatedAfterMs = 300_000;

/** So often within the silence that isolates is a quiet hub asked for a word. */
const asksPerSilence = 4;

const atOnce: FallbackLimits = { failures: 0, afterMs: 0 };

export function createWays(parts: WayParts): Ways {
  const url = parts.config.mqttUrl ?? parts.identity.mqttUrl;
  return {
    run: async (signal) => {
      while (!signal.aborted) {
        const spell = AbortSignal.any([signal, parts.rhythms.spell()]);
        const isBack = (): boolean => !signal.aborted;
        if (parts.rhythms.now()?.connection === "sleep") await sleep(parts, url, { spell, isBack });
        else await stayInTouch(parts, url, { spell, isBack });
      }
    },
  };
}

interface Spell {
  spell: AbortSignal;
  /** Whether the device connects again when the spell is over. */
  isBack: () => boolean;
}

async function stayInTouch(parts: WayParts, url: string | undefined, { spell, isBack }: Spell) {
  const hurry = createWake();
  const fallback = createHttpWay(parts, url, hurry);
  fallback.down();
  if (url === undefined) await aborted(spell);
  else await keepMqtt(parts, url, { spell, isBack, fallback, hurry });
  await fallback.stop();
}

function createHttpWay(parts: WayParts, url: string | undefined, hurry: Wake) {
  const { contact, clock, config } = parts;
  const limits = url === undefined ? atOnce : (config.fallback ?? defaultFallbackLimits);
  const run = async (signal: AbortSignal): Promise<void> => {
    let isDown = true;
    const onUp = (): void => {
      contact.up("http");
      // Once, and not at each poll: where MQTT is blocked, HTTP says nothing about it.
      if (isDown) hurry.set();
      isDown = false;
    };
    const onDown = (error: FleetError): void => {
      isDown = true;
      contact.down("http", error);
    };
    await runPolling({ ...pollingParts(parts), onUp, onDown }, signal);
    contact.down("http", undefined);
  };
  return createFallback({ clock, limits, run });
}

function pollingParts(parts: WayParts): PollingOptions {
  const { config, identity, silence, contact, rhythms } = parts;
  const { hubUrl, timeoutMs = defaultTimeoutMs } = config;
  return {
    ...parts,
    gateway: vouched(createGateway({ hubUrl, identity, timeoutMs }), parts.returning),
    pollMs: rhythms.pollMs(config.pollMs),
    onAnswer: silence.heard,
    onUp: () => contact.up("http"),
    onDown: (error) => contact.down("http", error),
  };
}

function keepMqtt(
  parts: WayParts,
  url: string,
  {
    spell,
    isBack,
    fallback,
    hurry,
  }: Spell & { fallback: ReturnType<typeof createFallback>; hurry: Wake },
): Promise<void> {
  const { config, contact, clock, random, silence } = parts;
  // Holds from one connection to the next: a broker that takes us again proves nothing about the hub.
  let isHubSilent = false;
  const up = (): void => {
    contact.up("mqtt");
    fallback.up();
  };
  const session: SessionParts = {
    ...sessionParts(parts),
    farewell: () => farewell(parts, isBack()),
    onUp: () => {
      if (!isHubSilent) up();
    },
    onHeard: () => {
      silence.heard();
      if (isHubSilent) up();
      isHubSilent = false;
    },
    onSilent: () => {
      isHubSilent = true;
      contact.down("mqtt", hubSilent(url));
      fallback.down();
    },
  };
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
      hurry,
    },
    spell,
  );
}

/** Who comes back at once leaves without a word, so that nobody takes the device for lost. */
function farewell({ rhythms, beat }: WayParts, isBack: boolean): Presence | undefined {
  const bye = { state: "offline", bootId: beat().bootId } as const;
  if (!isBack) return bye;
  const next = rhythms.now();
  return next?.connection === "sleep" ? { ...bye, nextInMs: next.pollMs } : undefined;
}

function sessionParts(
  parts: WayParts,
): Omit<SessionParts, "onUp" | "onHeard" | "onSilent" | "farewell"> {
  const { identity, config, rhythms } = parts;
  const { isolatedAfterMs = defaultIsolatedAfterMs, hubPatienceMs = defaultHubPatienceMs } = config;
  const everyMs = rhythms.pollMs(isolatedAfterMs / asksPerSilence);
  const proofs = { everyMs, patienceMs: hubPatienceMs };
  const known = { ...parts, device: identity.device, proofs };
  // A device in a rhythm is woken by nothing but its rhythm.
  const pollMs = rhythms.now()?.pollMs;
  return pollMs === undefined ? known : { ...known, beatLookMs: pollMs };
}

async function sleep(parts: WayParts, url: string | undefined, { spell, isBack }: Spell) {
  const { rhythms, silence, contact, clock, random } = parts;
  const pollMs = rhythms.pollMs(0);
  const session: SessionParts = {
    ...sessionParts(parts),
    farewell: () => farewell(parts, isBack()),
    onUp: () => contact.up("mqtt"),
    onHeard: silence.heard,
    onSilent: () => undefined,
  };
  const polling = pollingParts(parts);
  await sleepBetween(
    {
      ...(url === undefined ? {} : { open: (ending: AbortSignal) => open(parts, url, ending) }),
      session,
      exchange: (ending) => createExchange(polling)(ending),
      begin: parts.outbox.begin,
      contact,
      clock,
      random,
      pollMs,
    },
    spell,
  );
}

/** A hub that does not know the device is shown why it should, and asked once more. */
async function open(parts: WayParts, url: string, signal: AbortSignal): Promise<Link> {
  try {
    return await openOnce(parts, url, signal);
  } catch (thrown) {
    const { code } = asFleetError(thrown);
    if (code !== "unauthenticated" || !(await parts.returning.vouch(signal))) throw thrown;
    return await openOnce(parts, url, signal);
  }
}

/** The same over HTTP. */
function vouched(gateway: Gateway, returning: Returning): Gateway {
  return {
    ...gateway,
    report: async (request, signal) => {
      try {
        return await gateway.report(request, signal);
      } catch (thrown) {
        const { code } = asFleetError(thrown);
        if (code !== "unauthenticated" || !(await returning.vouch(signal))) throw thrown;
        return await gateway.report(request, signal);
      }
    },
  };
}

function openOnce(parts: WayParts, url: string, signal: AbortSignal): Promise<Link> {
  const { config, identity, beat, rhythms, openLink = openMqttLink } = parts;
  const { qos, retain } = wire.conn;
  const payload = encode("conn", { state: "offline", bootId: beat().bootId });
  return openLink({
    url,
    ...mqttLogin(identity),
    will: { topic: topicOf(identity.device, "conn"), payload, qos, retain },
    keepaliveSeconds: rhythms.keepaliveSeconds(config.keepaliveSeconds ?? defaultKeepaliveSeconds),
    connectTimeoutMs: config.timeoutMs ?? defaultTimeoutMs,
    signal,
  });
}

function hubSilent(url: string): FleetError {
  return new FleetError("hub_unreachable", {
    message: `the broker ${url} answers, but the hub behind it does not`,
    hint: "Look whether the hub runs and can write to its store; the device goes on trying.",
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
