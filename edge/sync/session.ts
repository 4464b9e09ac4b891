// What one live connection does: hears its topics, says that it is online, and sends what there is.
import type { Beat, Presence } from "#shared/beat.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalBatch } from "#shared/journal.ts";
import { type Channel, parseTopic, topicOf } from "#shared/topic.ts";
import { decode, encode, type Message, wire } from "#shared/wire.ts";
import type { Inbox } from "./inbox.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { SyncLogger, SyncStreams } from "./port.ts";
import { createProofs, type ProofLimits, type Proofs } from "./proofs.ts";
import type { Reporter } from "./reporter.ts";

interface SessionParts {
  device: DeviceId;
  inbox: Inbox;
  outbox: Outbox;
  reporter: Reporter;
  beat: () => Beat;
  clock: Clock;
  logger: SyncLogger;
  proofs: ProofLimits;
  streams?: SyncStreams;
  /** The hub itself has spoken, or is silent although it was asked. */
  onHeard: () => void;
  onSilent: () => void;
  /** The broker has taken the subscriptions. */
  onUp: () => void;
  /** What the device says before it ends the connection; nothing when it comes back at once. */
  farewell: () => Presence | undefined;
  /** Ends the session by itself once the hub has everything, and in any case after so many ms. */
  briefMs?: number;
  /** A heartbeat's interval may change at any time; 5 s by default. */
  beatLookMs?: number;
}

/** What the device hears, and must subscribe to. */
const heard = ["desired", "ack", "cmd"] as const satisfies readonly Channel[];

/** How long the broker may take to answer the subscriptions. */
const subscribeMs = 10_000;

/** An interval that was shortened holds after this long, and not only after the old one is over. */
const intervalLookMs = 5000;

/** A retained message comes right after the subscriptions; a brief session waits this long for it. */
const lingerMs = 1000;
const lingerLookMs = 100;

/** How long a goodbye may wait for the broker. */
const goodbyeMs = 500;

/** Ends when the link closes or the signal aborts.
 *  @throws FleetError when the broker refuses the subscriptions */
export async function runSession(
  link: Link,
  parts: SessionParts,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const finish = (): void => over.abort();
  link.onClose(finish);
  signal.addEventListener("abort", finish);
  const proofs = createProofs({
    clock: parts.clock,
    limits: parts.proofs,
    ask: parts.outbox.probe,
    onHeard: parts.onHeard,
    onSilent: parts.onSilent,
  });
  let isOpen = true;
  link.onClose(() => {
    isOpen = false;
  });
  try {
    listen(link, parts, proofs);
    await subscribe(link, parts, over.signal);
    parts.onUp();
    await speak(link, parts, { proofs, over });
    if (isOpen) await sayGoodbye(link, parts);
  } finally {
    signal.removeEventListener("abort", finish);
    finish();
  }
}

/** A broker that never answers must hold up neither the device nor its stop. */
async function subscribe(link: Link, { device, clock }: SessionParts, signal: AbortSignal) {
  const patience = new AbortController();
  const hurry = (): void => patience.abort();
  signal.addEventListener("abort", hurry);
  let answered = false;
  const impatience = clock.sleep(subscribeMs, patience.signal).then(() => {
    if (!answered) return link.end();
    return undefined;
  });
  try {
    await link.subscribe(heard.map((channel) => topicOf(device, channel)));
  } finally {
    answered = true;
    signal.removeEventListener("abort", hurry);
    hurry();
    await impatience;
  }
}

function listen(link: Link, parts: SessionParts, proofs: Proofs): void {
  const { device, inbox, outbox, logger } = parts;
  const take = {
    desired: (payload: Uint8Array, retained: boolean) => inbox.receive(payload, retained),
    ack: (payload: Uint8Array) => outbox.acknowledge(decode("ack", payload)),
    cmd: (payload: Uint8Array) => parts.streams?.receive(payload),
  } as const satisfies Record<
    (typeof heard)[number],
    (payload: Uint8Array, retained: boolean) => void
  >;
  link.onMessage((topic, payload, retained) => {
    const of = parseTopic(topic);
    const channel = heard.find((known) => known === of?.channel);
    if (channel === undefined || of?.device !== device) return;
    try {
      take[channel](payload, retained);
      if (!retained) proofs.heard();
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      logger.warn({ code, topic }, `message ignored: ${sentence}`);
    }
  });
}

async function speak(
  link: Link,
  parts: SessionParts,
  { proofs, over }: { proofs: Proofs; over: AbortController },
): Promise<void> {
  const { outbox, reporter } = parts;
  const { signal } = over;
  let underWay = 0;
  const tell = async <C extends Channel>(channel: C, message: Message<C>): Promise<void> => {
    underWay += 1;
    // A rejection means that the link has ended; whatever matters is sent again on the next one.
    await publish(link, parts.device, channel, message).catch(() => undefined);
    underWay -= 1;
  };
  const sendBatch = (batch: JournalBatch): Promise<void> => {
    proofs.asked();
    return tell("journal", batch);
  };
  const isDone = (): boolean => underWay === 0 && proofs.count() > 0 && outbox.isEmpty();
  void tell("conn", { state: "online", bootId: parts.beat().bootId });
  await Promise.all([
    reporter.run((reported) => tell("reported", reported), signal),
    outbox.run(sendBatch, signal),
    beats(parts, (beat) => void tell("beat", beat), signal),
    proofs.run(signal),
    parts.streams?.run((output) => tell("out", output), signal),
    parts.briefMs === undefined ? undefined : endWhen(isDone, parts, parts.briefMs, over),
  ]);
}

async function endWhen(
  isDone: () => boolean,
  { clock }: SessionParts,
  limitMs: number,
  over: AbortController,
): Promise<void> {
  const { signal } = over;
  const startedMs = clock.monotonicMs();
  await clock.sleep(lingerMs, signal);
  while (!isDone() && clock.monotonicMs() - startedMs < limitMs && !signal.aborted) {
    await clock.sleep(lingerLookMs, signal);
  }
  over.abort();
}

/** A beat says itself how long after it the next one comes, so that the hub never waits for another
 *  interval than the device keeps. */
async function beats(
  { beat, clock, beatLookMs = intervalLookMs }: SessionParts,
  send: (beat: Beat) => void,
  signal: AbortSignal,
): Promise<void> {
  let sentMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const next = beat();
    const leftMs = sentMs + next.heartbeatMs - clock.monotonicMs();
    if (leftMs <= 0) {
      send(next);
      sentMs = clock.monotonicMs();
    }
    const untilDueMs = leftMs <= 0 ? next.heartbeatMs : leftMs;
    await clock.sleep(Math.min(untilDueMs, beatLookMs), signal);
  }
}

/** The last will is for connections that end without a word; a clean end sends none. */
async function sayGoodbye(link: Link, { device, farewell, clock }: SessionParts): Promise<void> {
  const last = farewell();
  if (last === undefined) return;
  const done = new AbortController();
  publish(link, device, "conn", last)
    .catch(() => undefined)
    .finally(() => done.abort());
  await clock.sleep(goodbyeMs, done.signal);
}

function publish<C extends Channel>(
  link: Link,
  device: DeviceId,
  channel: C,
  message: Message<C>,
): Promise<void> {
  const { qos, retain } = wire[channel];
  return link.publish(topicOf(device, channel), encode(channel, message), { qos, retain });
}
