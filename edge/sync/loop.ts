// Keeps a link open: one attempt after another, with full jitter between them.
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { Link } from "./link.ts";
import type { Wake } from "./wake.ts";

export interface LoopLimits {
  baseMs: number;
  maxMs: number;
  /** A connection that lasted this long makes the next delay short again. */
  stableMs: number;
}

/** A healed network is found within the longest delay and the time limit of an attempt that hung when
 *  it healed: below 30 s together. */
export const defaultLoopLimits: LoopLimits = { baseMs: 1000, maxMs: 15_000, stableMs: 30_000 };

interface LoopOptions {
  /** @throws FleetError */
  open(signal: AbortSignal): Promise<Link>;
  /** Uses the link until it closes or the signal aborts.
   *  @throws FleetError when the connection is of no use */
  use(link: Link, signal: AbortSignal): Promise<void>;
  /** An attempt failed, or the connection ended with the error or by itself. */
  onDown(error: FleetError | undefined): void;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  limits: LoopLimits;
  /** There is a sign that the next attempt may succeed. */
  hurry: Wake;
}

/** Works until the signal aborts; never throws. */
export async function keepLinked(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, limits } = options;
  let attempt = 0;
  while (!signal.aborted) {
    const began = clock.monotonicMs();
    const error = await connectOnce(options, signal);
    if (signal.aborted) return;
    options.onDown(error);
    if (clock.monotonicMs() - began >= limits.stableMs) attempt = 0;
    attempt = (await rest(options, delayMs(attempt, random(), limits), signal)) ? 0 : attempt + 1;
  }
}

/** @returns whether it ended early */
async function rest({ clock, hurry }: LoopOptions, ms: number, signal: AbortSignal) {
  const pause = new AbortController();
  const stop = (): void => pause.abort();
  signal.addEventListener("abort", stop);
  let isOver = false;
  const due = clock.sleep(ms, pause.signal).then(() => {
    isOver = !pause.signal.aborted;
    stop();
  });
  await hurry.wait(pause.signal);
  signal.removeEventListener("abort", stop);
  stop();
  await due;
  return !isOver;
}

async function connectOnce(
  { open, use }: LoopOptions,
  signal: AbortSignal,
): Promise<FleetError | undefined> {
  let link: Link | undefined;
  try {
    link = await open(signal);
    await use(link, signal);
    return undefined;
  } catch (error) {
    return asFleetError(error);
  } finally {
    await link?.end();
  }
}
