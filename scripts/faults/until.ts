// Waits for what has to happen, and says what did not.
import { FleetError } from "#shared/errors.ts";

/** A fault that was not survived: what the device or the hub should have done and did not. */
export function notSurvived(message: string): FleetError {
  return new FleetError("internal", { message });
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Until the work has ended or the time is over; leaves no timer behind that would keep the harness alive. */
export async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([work, over]).finally(() => clearTimeout(timer));
}

/** Looks again and again; what a look throws counts as "not yet".
 *  @param tell what stands in the way, for the message
 *  @throws FleetError when the limit comes first */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  options: { limitMs: number; pauseMs?: number; tell?: () => string | undefined },
): Promise<T> {
  const { limitMs, pauseMs = 100, tell = () => undefined } = options;
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const seen = await look().catch(() => undefined);
    if (seen !== undefined && seen !== false) return seen;
    await pause(pauseMs);
  }
  const why = tell();
  const tail = why === undefined ? "" : ` (${why})`;
  throw notSurvived(`${what}: not within ${Math.round(limitMs / 1000)} s${tail}`);
}
