// Holds one connection to the Engine's events open, and opens it again when it breaks.
import type { EngineEvent } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import type { Engine } from "./engine.ts";

const watched = [
  ...["create", "start", "die", "oom", "health_status", "pause", "unpause", "update", "destroy"],
];
const backoff = { baseMs: 500, maxMs: 30_000 };

export interface EventWatch {
  /** Opens the connection, once. Resolves when it is open, or the first try has failed. */
  start(): Promise<void>;
  /** Whether every change since the last `onOpen` was told. */
  isOpen(): boolean;
  stop(): Promise<void>;
}

export function createEventWatch(options: {
  engine: Engine;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  onEvent: (event: EngineEvent) => void;
  /** Whatever happened before this went unseen. */
  onOpen: () => void;
}): EventWatch {
  const { engine, clock, random, onEvent, onOpen } = options;
  const ended = new AbortController();
  const firstTry = Promise.withResolvers<void>();
  let running: Promise<void> | undefined;
  let open = false;

  const follow = async (): Promise<void> => {
    const filters = { event: watched, label: [label.project] };
    const events = await engine.events(filters, ended.signal);
    open = true;
    onOpen();
    firstTry.resolve();
    for await (const event of events) onEvent(event);
  };
  const run = async (): Promise<void> => {
    for (let failures = 0; !ended.signal.aborted; failures += 1) {
      // Why it broke is of no use here: the next list call fails for the same reason and tells.
      await follow().catch(() => undefined);
      if (open) failures = 0;
      open = false;
      firstTry.resolve();
      await clock.sleep(delayMs(failures, random(), backoff), ended.signal);
    }
  };

  return {
    start: async () => {
      running ??= run();
      await firstTry.promise;
    },
    isOpen: () => open,
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}
