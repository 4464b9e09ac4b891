// Tries again what failed: quarantines are lifted and waits end, for one app or for all of them.
import type { Journal } from "#edge/journal/port.ts";
import { type DesiredState, revisionOf } from "#shared/desired.ts";
import type { AppName } from "#shared/ids.ts";
import type { Repairs } from "./repairs.ts";

interface Parts {
  journal: Journal;
  repairs: Pick<Repairs, "forget">;
}

/** Only what is wanted now: an old failure of another revision stays known. */
export function createTryAgain({ journal, repairs }: Parts) {
  return (desired: DesiredState | undefined, only?: AppName): void => {
    const { apps = [], safeStack } = desired ?? {};
    const wanted = [...apps, ...(safeStack === undefined ? [] : [safeStack])];
    for (const spec of wanted) {
      if (only !== undefined && spec.name !== only) continue;
      journal.release(spec.name, revisionOf(spec));
      repairs.forget(spec.name);
      hurry(journal, spec.name);
    }
  };
}

function hurry(journal: Journal, app: AppName): void {
  for (const attempt of journal.openAttempts()) {
    if (attempt.app !== app || attempt.retryMonotonicMs === undefined) continue;
    const { retryMonotonicMs: _, retryAt: _at, ...hurried } = attempt;
    journal.saveAttempt(hurried);
  }
}
