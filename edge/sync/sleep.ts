// The day of a sleeping device: awake at each poll until the hub has everything, and gone in between.
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { Contact } from "./contact.ts";
import type { Link } from "./link.ts";
import { runSession } from "./session.ts";

interface SleepOptions {
  /** Absent where there is no way but HTTP.
   *  @throws FleetError */
  open?: (signal: AbortSignal) => Promise<Link>;
  session: Parameters<typeof runSession>[1];
  /** One HTTP exchange.
   *  @throws FleetError */
  exchange: (signal: AbortSignal) => Promise<undefined>;
  /** A new contact begins. */
  begin: () => void;
  contact: Contact;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  pollMs: number;
}

/** A contact that does not come to its end costs no more than this. */
const awakeMs = 30_000;

/** Polls come by so much earlier at random that devices which woke together do not go on so. */
const jitterShare = 0.1;
const retry = { baseMs: 5000 };

/** Works until the signal aborts; never throws. */
export async function sleepBetween(options: SleepOptions, signal: AbortSignal): Promise<void> {
  const { contact, clock, random, pollMs } = options;
  let failures = 0;
  while (!signal.aborted) {
    const error = await wakeOnce(options, signal);
    if (signal.aborted) break;
    failures = error === undefined ? 0 : failures + 1;
    if (error !== undefined) contact.down("mqtt", error);
    const pauseMs =
      failures === 0
        ? pollMs * (1 - jitterShare * random())
        : delayMs(failures, random(), { ...retry, maxMs: pollMs });
    const next = `asleep; the next contact is within ${Math.ceil(pollMs / 1000)} s`;
    contact.rest(error === undefined ? next : error.sentence);
    await clock.sleep(pauseMs, signal);
  }
  contact.rest("the sleep is over and the hub has not answered yet");
}

/** MQTT, and HTTP where that fails.
 *  @returns why neither worked */
async function wakeOnce(
  options: SleepOptions,
  signal: AbortSignal,
): Promise<FleetError | undefined> {
  if (options.open !== undefined && (await meetByMqtt(options.open, options, signal)))
    return undefined;
  if (signal.aborted) return undefined;
  try {
    options.begin();
    await options.exchange(signal);
    return undefined;
  } catch (error) {
    return asFleetError(error);
  }
}

/** @returns whether the hub itself has answered */
async function meetByMqtt(
  open: (signal: AbortSignal) => Promise<Link>,
  { session }: SleepOptions,
  signal: AbortSignal,
): Promise<boolean> {
  let isHeard = false;
  const onHeard = (): void => {
    isHeard = true;
    session.onHeard();
  };
  let link: Link | undefined;
  try {
    link = await open(signal);
    await runSession(link, { ...session, onHeard, briefMs: awakeMs }, signal);
  } catch {
    // HTTP follows, and says what is wrong if that fails, too.
  } finally {
    await link?.end();
  }
  return isHeard;
}
