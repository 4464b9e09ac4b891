// Keeps the newest report and sends it, at most one in each interval.
import type { Clock } from "#shared/clock.ts";
import type { ReportedState } from "#shared/reported.ts";
import { createWake } from "./wake.ts";
import { within } from "./within.ts";

/** A broker that takes no report and keeps the connection is asked again. */
const maxUnderWayMs = 60_000;

export interface Reporter {
  set(reported: ReportedState): void;
  newest(): ReportedState | undefined;
  /** Sends the newest at once, as a new connection wants it, and then each change, until the signal
   *  aborts. */
  run(send: (reported: ReportedState) => Promise<void>, signal: AbortSignal): Promise<void>;
}

export function createReporter(clock: Clock, intervalMs: number): Reporter {
  const changed = createWake();
  let newest: ReportedState | undefined;
  return {
    set: (reported) => {
      newest = reported;
      changed.set();
    },
    newest: () => newest,
    run: async (send, signal) => {
      if (newest !== undefined) changed.set();
      while (!signal.aborted) {
        await changed.wait(signal);
        if (signal.aborted || newest === undefined) continue;
        // The next one would only queue up behind it on a slow link, and be old when it comes out.
        await within(maxUnderWayMs, send(newest), signal, clock);
        await clock.sleep(intervalMs, signal);
      }
    },
  };
}
