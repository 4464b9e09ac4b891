// What one live connection does: hears its topics, says that it is online, and sends what there is.
import type { Beat } from "#shared/beat.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type Channel, parseTopic, topicOf } from "#shared/topic.ts";
import { decode, encode, type Message, wire } from "#shared/wire.ts";
import type { Inbox } from "./inbox.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { SyncLogger } from "./port.ts";
import type { Reporter } from "./reporter.ts";

interface SessionParts {
  device: DeviceId;
  inbox: Inbox;
  outbox: Outbox;
  reporter: Reporter;
  beat: () => Beat;
  clock: Clock;
  logger: SyncLogger;
  onContact: () => void;
  /** The broker has taken the subscriptions. */
  onUp: () => void;
}

/** What the device hears, and must subscribe to. */
const heard = ["desired", "ack"] as const satisfies readonly Channel[];

/** How long the broker may take to answer the subscriptions. */
const subscribeMs = 10_000;

/** An interval that was shortened holds after this long, and not only after the old one is over. */
const intervalLookMs = 5000;

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
  try {
    listen(link, parts);
    await subscribe(link, parts, over.signal);
    parts.onUp();
    await speak(link, parts, over.signal);
    if (signal.aborted) await sayGoodbye(link, parts);
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

function listen(link: Link, { device, inbox, outbox, logger, onContact }: SessionParts): void {
  const take = {
    desired: (payload: Uint8Array) => inbox.receive(payload),
    ack: (payload: Uint8Array) => outbox.acknowledge(decode("ack", payload)),
  } as const satisfies Record<(typeof heard)[number], (payload: Uint8Array) => void>;
  link.onActivity(onContact);
  link.onMessage((topic, payload) => {
    const parts = parseTopic(topic);
    const channel = heard.find((known) => known === parts?.channel);
    if (channel === undefined || parts?.device !== device) return;
    try {
      take[channel](payload);
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      logger.warn({ code, topic }, `message ignored: ${sentence}`);
    }
  });
}

async function speak(link: Link, parts: SessionParts, signal: AbortSignal): Promise<void> {
  const { outbox, reporter } = parts;
  const tell = <C extends Channel>(channel: C, message: Message<C>): void => {
    // A rejection means that the link has ended; whatever matters is sent again on the next one.
    publish(link, parts.device, channel, message).catch(() => undefined);
  };
  tell("conn", { state: "online", bootId: parts.beat().bootId });
  await Promise.all([
    reporter.run((reported) => tell("reported", reported), signal),
    outbox.run((batch) => tell("journal", batch), signal),
    beats(parts, (beat) => tell("beat", beat), signal),
  ]);
}

/** A beat says itself how long after it the next one comes, so that the hub never waits for another
 *  interval than the device keeps. */
async function beats(
  { beat, clock }: SessionParts,
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
    await clock.sleep(Math.min(untilDueMs, intervalLookMs), signal);
  }
}

/** The last will is for connections that end without a word; a clean end sends none. */
async function sayGoodbye(link: Link, { device, beat, clock }: SessionParts): Promise<void> {
  const done = new AbortController();
  publish(link, device, "conn", { state: "offline", bootId: beat().bootId })
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
