// Keeps a link open: one attempt after another, with full jitter between them.
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { Link } from "./link.ts";

export interface LoopLimits {
  baseMs: number;
  maxMs: number;
  /** A connection that lasted this long makes the next delay short again. */
  stableMs: number;
}

export const defaultLoopLimits: LoopLimits = { baseMs: 1000, maxMs: 60_000, stableMs: 30_000 };

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
    await clock.sleep(delayMs(attempt, random(), limits), signal);
    attempt += 1;
  }
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
