// Calls for a flush soon after work has come in: after a pause in which more can gather, or at once when
// a batch is full.
import type { Clock } from "#shared/clock.ts";

interface Options {
  clock: Clock;
  /** How long the first message of a batch waits for others. */
  gatherMs: number;
  /** Pause after a flush that failed. */
  retryMs: number;
  /** @returns `more` when full batches are left, `idle` when not, `failed` to be called again later */
  readonly flush: () => Promise<"more" | "idle" | "failed">;
}

export interface Batches {
  start(): void;
  /** There is something to flush. */
  wake(isFull: boolean): void;
  /** Resolves after the flush under way; idempotent. */
  stop(): Promise<void>;
}

export function createBatches({ clock, gatherMs, retryMs, flush }: Options): Batches {
  const stopping = new AbortController();
  let bell = Promise.withResolvers<void>();
  let gathering = new AbortController();
  let full = false;
  let running: Promise<void> | undefined;

  const gather = async (): Promise<void> => {
    gathering = new AbortController();
    if (!full) await clock.sleep(gatherMs, gathering.signal);
    full = false;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await bell.promise;
      bell = Promise.withResolvers<void>();
      if (!stopping.signal.aborted) await gather();
      let result = await flush();
      while (result === "more") result = await flush();
      if (result === "failed") {
        await clock.sleep(retryMs, stopping.signal);
        bell.resolve();
      }
    }
  };
  return {
    start: () => {
      running ??= run();
    },
    wake: (isFull) => {
      full ||= isFull;
      if (isFull) gathering.abort();
      bell.resolve();
    },
    stop: async () => {
      stopping.abort();
      gathering.abort();
      bell.resolve();
      await running;
    },
  };
}
