// Ends the agent's parts, the last begun first; one that fails or hangs does not keep the others from ending.
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { Log } from "./parts.ts";

/** For one part, and for all of them together. What comes after that still gets its turn, and a moment. */
const defaultLimits = { partMs: 15_000, allMs: 60_000, momentMs: 500 };

/** Within this the agent has ended, whatever hangs; TimeoutStopSec of the unit lies above it. */
export const endsWithinMs = 75_000;

export interface Ending {
  /** What there is to end, told as soon as it has begun. */
  add(part: string, end: () => void | Promise<void>): void;
  /** Idempotent.
   *  @returns whether every part has ended well, and in time */
  run(): Promise<boolean>;
}

export function createEnding(log: Pick<Log, "error">, limits = defaultLimits): Ending {
  const parts: { part: string; end: () => void | Promise<void> }[] = [];
  let running: Promise<boolean> | undefined;
  const endAll = async (): Promise<boolean> => {
    const beganMs = performance.now();
    let well = true;
    for (const { part, end } of parts.toReversed()) {
      const leftMs = limits.allMs - (performance.now() - beganMs);
      try {
        await within(Math.max(limits.momentMs, Math.min(limits.partMs, leftMs)), end);
      } catch (thrown) {
        const { code, sentence } = asFleetError(thrown);
        log.error({ part, code, why: sentence }, "a part did not end well");
        well = false;
      }
    }
    return well;
  };
  return {
    add: (part, end) => void parts.push({ part, end }),
    run: () => {
      running ??= endAll();
      return running;
    },
  };
}

/** What hangs is left to end with the process.
 *  @throws FleetError interrupted */
async function within(limitMs: number, end: () => void | Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const tooLate = (): void => {
    const message = `it has not ended within ${limitMs / 1000} s`;
    reject(new FleetError("interrupted", { message }));
  };
  const timer = setTimeout(tooLate, limitMs);
  try {
    await Promise.race([end(), late]);
  } finally {
    clearTimeout(timer);
  }
}
