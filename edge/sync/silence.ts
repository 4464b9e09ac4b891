// Tells when the hub was last heard, and when the silence is so long that the device is on its own.
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { EventBody } from "#shared/journal.ts";
import type { SyncJournal, SyncLogger } from "./port.ts";
import { createWake } from "./wake.ts";

export interface Silence {
  /** A proof that the hub itself is there. */
  heard(): void;
  lastContactMonotonicMs(): number | undefined;
  isolated(): boolean;
  /** Watches until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
}

interface SilenceOptions {
  journal: Pick<SyncJournal, "append" | "entries">;
  clock: Clock;
  logger: SyncLogger;
  /** The silence after which the device counts as isolated, as it is now. */
  afterMs: () => number;
  onChange: () => void;
  onJournalGrew: () => void;
}

/** How many events back an unfinished silence is looked for after a restart: few, and only then as many as a
 *  device may tell of itself that has been on its own for weeks. */
const eventsBack = [50, 5000];

/** A limit that was shortened holds after this long. */
const maxLookMs = 60_000;
const minLookMs = 10;

/** Silence counts from the last contact, or from the start. INVARIANT: HubLost and HubFound alternate in
 *  the journal, over restarts too. */
export function createSilence(options: SilenceOptions): Silence {
  const { journal, clock, logger, afterMs } = options;
  let sinceMs = clock.monotonicMs();
  let last: number | undefined;
  let isolated = false;
  /** What was silent before this start. */
  let earlierMs = 0;
  /** The silence is over: the next one counts from there. */
  const found = createWake();

  const silentMs = (): number => clock.monotonicMs() - sinceMs;
  const move = (to: boolean, body: EventBody & { silenceMs: number }): void => {
    isolated = to;
    try {
      journal.append({ kind: "event", body });
      options.onJournalGrew();
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      logger.error({ code }, `${body.reason} is not in the journal: ${sentence}`);
    }
    logger.warn({ silenceMs: body.silenceMs }, body.message);
    options.onChange();
  };
  const lose = (): void => {
    const silenceMs = Math.round(silentMs());
    const message = `no word from the hub for ${seconds(silenceMs)}; everything local goes on`;
    move(true, { type: "Warning", reason: "HubLost", message, silenceMs });
  };
  const find = (silenceMs: number): void => {
    earlierMs = 0;
    const message = `the hub is heard again after ${seconds(silenceMs)}`;
    move(false, { type: "Normal", reason: "HubFound", message, silenceMs });
    found.set();
  };
  const resume = (): void => {
    const before = lastOf(journal);
    if (before?.["reason"] !== "HubLost") return;
    isolated = true;
    earlierMs = Number(before["silenceMs"]) || 0;
  };
  return {
    heard: () => {
      const silenceMs = Math.round(earlierMs + silentMs());
      last = clock.monotonicMs();
      sinceMs = last;
      if (isolated) find(silenceMs);
    },
    lastContactMonotonicMs: () => last,
    isolated: () => isolated,
    run: async (signal) => {
      sinceMs = clock.monotonicMs();
      resume();
      while (!signal.aborted) {
        const leftMs = afterMs() - silentMs();
        if (isolated) await found.wait(signal);
        else if (leftMs <= 0) lose();
        else await clock.sleep(Math.min(Math.max(leftMs, minLookMs), maxLookMs), signal);
      }
    },
  };
}

function lastOf(journal: Pick<SyncJournal, "entries">): Record<string, unknown> | undefined {
  for (const limit of eventsBack) {
    const bodies = journal.entries({ kinds: ["event"], limit }).map(({ body }) => body);
    const found = bodies.find(({ reason }) => reason === "HubLost" || reason === "HubFound");
    if (found !== undefined || bodies.length < limit) return found;
  }
  return undefined;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
