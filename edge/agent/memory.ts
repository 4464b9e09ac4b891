// What the loop remembers of each app between rounds and may lose with the process.
import type { Stage } from "#edge/plan/attempt.ts";
import type { ProbeRound } from "#edge/plan/input.ts";
import type { FleetError } from "#shared/errors.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { FailureReport, RuntimeName } from "#shared/reported.ts";

export interface AppMemory {
  /** Since when the release on trial has been fine without a break, ms since boot. */
  fineSinceMs?: number | undefined;
  /** The last round of probes and the revision that it was about. */
  probes?: (ProbeRound & { revision: RevisionId }) | undefined;
  /** The revision whose probes are under way. */
  probing?: RevisionId | undefined;
  /** Share of the stage under way. */
  progress?: { attempt: string; stage: Stage; share: number } | undefined;
  /** When something of the app was started last, ms since boot: for a while after it a failing probe may
   *  only be early. */
  startedMs?: number | undefined;
  /** The last step that was done, as text: the same one again has changed nothing. */
  lastStep?: string | undefined;
  /** The last exit code of each copy that was seen ended, by its id: while it runs again nobody says. */
  exitCodes: Map<string, number>;
  /** Runtimes on which copies of the app were when they answered last. */
  seenOn: Set<RuntimeName>;
  /** Since when a runtime that the app needs has not answered, ms since boot. */
  blindSinceMs?: number | undefined;
  /** Why nothing can be seen of the app. */
  blindBy?: FleetError | undefined;
  /** Why the current release could not be read. */
  unreadable?: FailureReport | undefined;
}

/** How long a start may take to show in the probes. */
const settlingMs = 30_000;

export function isSettling({ startedMs }: AppMemory, nowMs: number): boolean {
  return startedMs !== undefined && nowMs - startedMs < settlingMs;
}

export interface Memory {
  of(app: AppName): AppMemory;
  forget(app: AppName): void;
}

export function createMemory(): Memory {
  const apps = new Map<AppName, AppMemory>();
  return {
    of: (app) => {
      const known = apps.get(app) ?? { exitCodes: new Map(), seenOn: new Set() };
      apps.set(app, known);
      return known;
    },
    forget: (app) => {
      apps.delete(app);
    },
  };
}
