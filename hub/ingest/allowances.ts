// Knows which devices exceed what the hub keeps of them, for the notices; read from the store when one begins to, and
// again after a while.
import type { Bus } from "#hub/bus.ts";
import type { Exceeding } from "#hub/store/holding_port.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";

interface Options {
  store: Pick<Store, "exceeding">;
  bus: Bus;
  clock: Clock;
}

export interface Allowances {
  /** Reads who exceeds its allowance, and listens for more. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Who has exceeded the longest comes first. */
  exceeding(): readonly Exceeding[];
}

/** A notice names few of them. */
const maxKnown = 1000;
/** What is over is ended by upkeep, each hour, and tells nobody. */
const refreshMs = 600_000;

export function createAllowances({ store, bus, clock }: Options): Allowances {
  const stopping = new AbortController();
  let known: readonly Exceeding[] = [];
  let running: Promise<void> | undefined;

  /** A store that does not answer is told of by whoever writes to it. */
  const refresh = async (): Promise<void> => {
    known = await store.exceeding(maxKnown).catch(() => known);
  };
  const run = async (): Promise<void> => {
    const unlisten = bus.on("event", ({ source, reason }) => {
      // A device may call its own events as it likes.
      if (source === "hub" && reason === "AllowanceExceeded") void refresh();
    });
    while (!stopping.signal.aborted) {
      await clock.sleep(refreshMs, stopping.signal);
      if (!stopping.signal.aborted) await refresh();
    }
    unlisten();
  };
  return {
    start: async () => {
      running ??= run();
      await refresh();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    exceeding: () => known,
  };
}
