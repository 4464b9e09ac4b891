// Watches the fleet repository: polls, follows the webhook, and says once when it goes and when it is back.
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import { serially } from "#shared/serial.ts";
import type { Mirror } from "./mirror.ts";

export interface RepositoryStatus {
  /** Whether the last fetch worked; false before the first. */
  reachable: boolean;
  /** Unix ms of the last fetch that worked. */
  fetchedAt?: number;
  /** Why the last fetch did not work, or what was found could not be taken in. */
  problem?: FleetError;
}

export type FetchOutcome = "succeeded" | "failed";

export interface RepositoryEvent {
  reason: "RepositoryUnreachable" | "RepositoryReachable";
  type: "Warning" | "Normal";
  message: string;
}

export interface GitWatcher {
  start(): void;
  stop(): Promise<void>;
  /** Fetches now. Pokes during a fetch share one more after it. Settles when that one is taken in. */
  poke(): Promise<void>;
  status(): RepositoryStatus;
}

interface GitWatcherOptions {
  mirror: Mirror;
  intervalMs: number;
  clock: Clock;
  /** Called after every fetch, changed or not: the receiver compares. */
  onHeads(heads: Map<string, string>): Promise<void>;
  onEvent(event: RepositoryEvent): Promise<void>;
  /** After every fetch; for counting. */
  readonly onFetch?: (outcome: FetchOutcome) => void;
}

export function createGitWatcher(options: GitWatcherOptions): GitWatcher {
  const { mirror, intervalMs, clock } = options;
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  let latest: Promise<void> | undefined;
  let status: RepositoryStatus = { reachable: false };
  let reachable = true;

  const becomes = async (now: boolean, message: string): Promise<void> => {
    if (reachable === now) return;
    await options.onEvent(
      now
        ? { reason: "RepositoryReachable", type: "Normal", message }
        : { reason: "RepositoryUnreachable", type: "Warning", message },
    );
    reachable = now;
  };
  const fetch = async (): Promise<boolean> => {
    try {
      await mirror.fetch(stopping.signal);
      options.onFetch?.("succeeded");
      return true;
    } catch (cause) {
      if (stopping.signal.aborted) return false;
      options.onFetch?.("failed");
      status = { ...status, reachable: false, problem: asFleetError(cause) };
      return false;
    }
  };
  const look = async (): Promise<void> => {
    if (!(await fetch())) {
      if (stopping.signal.aborted) return;
      return becomes(false, status.problem?.sentence ?? "the fleet repository cannot be fetched");
    }
    status = { reachable: true, fetchedAt: clock.now() };
    await becomes(true, "the fleet repository can be fetched again");
    await options.onHeads(await mirror.heads());
  };
  // A fault in taking heads in (the store, say) must not end the watch: the next poll tries again.
  const run = serially(() =>
    look().catch((cause: unknown) => {
      status = { ...status, problem: asFleetError(cause) };
    }),
  );
  const once = (): Promise<void> => {
    latest = run();
    return latest;
  };
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await once();
      await clock.sleep(intervalMs, stopping.signal);
    }
  };

  return {
    start: () => {
      loop ??= watch();
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([loop, latest]);
    },
    poke: () => (stopping.signal.aborted ? Promise.resolve() : once()),
    status: () => status,
  };
}
