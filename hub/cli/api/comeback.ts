// How the command comes back to a hub that went away: what waiting may mend, and for how long it waits.
import { delayMs } from "#shared/backoff.ts";
import { FleetError } from "#shared/errors.ts";

/** Full jitter may draw nothing at all, and a hub that refuses at once must not be asked in a tight loop. */
const leastMs = 100;

export function comebackMs(...[failures, random, limits]: Parameters<typeof delayMs>): number {
  return leastMs + delayMs(failures, random, limits);
}

/** Whether a hub that was reached before may be reached again. One that hangs does not answer in time, and a proxy
 *  before one that starts answers as it likes: neither ends what a person follows for hours. */
export function mayComeBack(error: unknown): error is FleetError {
  if (!(error instanceof FleetError)) return false;
  return error.retry === "later" || error.code === "hub_unreachable";
}
