// What the loop remembers of each app between rounds and may lose with the process.
import type { ProbeRound } from "#edge/plan/input.ts";
import type { AppName } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";

export interface AppMemory {
  /** Since when the release on trial has been fine without a break, ms since boot. */
  fineSinceMs?: number | undefined;
  probes?: ProbeRound | undefined;
  probing: boolean;
  /** Share of the step under way. */
  progress?: number | undefined;
  /** A repair that failed and is tried again. */
  heal?: { tries: number; notBeforeMs: number; failure: FailureReport } | undefined;
  /** A drift was journalled and is not repaired yet. */
  drifting: boolean;
  /** Why the current release could not be read. */
  unreadable?: FailureReport | undefined;
}

export interface Memory {
  of(app: AppName): AppMemory;
  forget(app: AppName): void;
}

export function createMemory(): Memory {
  const apps = new Map<AppName, AppMemory>();
  return {
    of: (app) => {
      const known = apps.get(app) ?? { probing: false, drifting: false };
      apps.set(app, known);
      return known;
    },
    forget: (app) => {
      apps.delete(app);
    },
  };
}
