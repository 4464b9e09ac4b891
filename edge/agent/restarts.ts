// Tells of copies that their own restart policy has started again: once per change, and ever more rarely.
import type { Journal } from "#edge/journal/port.ts";
import { restartNews, type Told } from "#edge/plan/restarted.ts";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { Observation } from "./gather.ts";

export interface Restarts {
  /** After each look. */
  note(seen: Pick<Observation, "apps" | "silent">): void;
}

export function createRestarts({
  journal,
  clock,
}: {
  journal: Pick<Journal, "append" | "remember" | "recall">;
  clock: Pick<Clock, "monotonicMs">;
}): Restarts {
  let known: Map<string, Told> | undefined;

  /** Counts outlive the process: what was told is not told again. */
  const takeUp = (): Map<string, Told> => {
    const kept = Object.entries(journal.recall("restarts") ?? {});
    return new Map(kept.map(([place, restarts]) => [place, { restarts }]));
  };

  const tell = (one: ObservedInstance, times: number): void => {
    const { app, service, index, exitCode } = one;
    const often = times === 1 ? "" : ` ${times} times`;
    const ended = exitCode === undefined ? "" : `; it had ended with exit code ${exitCode}`;
    const message = `${service}-${index} of ${app} was started again by its restart policy${often}${ended}`;
    journal.append({
      kind: "event",
      app,
      body: { type: "Warning", reason: "ServiceRestarted", message },
    });
  };

  /** What is gone is forgotten, unless a silent runtime hides it. */
  const forget = (copies: Map<string, Told>, { apps, silent }: Parameters<Restarts["note"]>[0]) => {
    const present = new Set(apps.flatMap(({ instances }) => instances.map(placeOf)));
    const isGone = (place: string): boolean => silent.size === 0 && !present.has(place);
    for (const place of copies.keys()) if (isGone(place)) copies.delete(place);
  };

  const keep = (copies: Map<string, Told>): void => {
    const restarted = [...copies].filter(([, { restarts }]) => restarts > 0);
    const counts = restarted.map(([place, { restarts }]) => [place, restarts] as const);
    journal.remember("restarts", Object.fromEntries(counts));
  };

  return {
    note: (seen) => {
      known ??= takeUp();
      const copies = known;
      let isNews = false;
      for (const one of seen.apps.flatMap(({ instances }) => instances)) {
        const { told, times } = restartNews(one, copies.get(placeOf(one)), clock.monotonicMs());
        // Told first: what a full disk refuses is news again at the next look.
        if (times > 0) tell(one, times);
        copies.set(placeOf(one), told);
        isNews ||= times > 0;
      }
      forget(copies, seen);
      if (isNews) keep(copies);
    },
  };
}

/** Its configuration is part of it: two copies that are handed over stand at one place. A process has another
 *  id after each restart. */
function placeOf({ runtime, app, service, index, configHash }: ObservedInstance): string {
  return `${runtime}/${app}/${service}-${index}@${configHash.slice(0, 12)}`;
}
