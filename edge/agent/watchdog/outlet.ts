// Where the watchdog's feeding goes: to systemd, to the guard, to the thread that watches from inside.

import type { Clock } from "#shared/clock.ts";

export interface Outlet {
  /** The agent can do its work. */
  ready(): void;
  /** @param doing what the loop does now, for the last words */
  alive(doing: string): void;
  /** Nothing is fed any more, for a reason. */
  hung(why: string): void;
  /** Only the end is to come, within the time. */
  stopping(withinMs: number): void;
}

/** A loop that comes round many times a second need not be heard each time. */
export function atMostEvery(
  everyMs: number,
  clock: Pick<Clock, "monotonicMs">,
  outlet: Outlet,
): Outlet {
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    ...outlet,
    alive: (doing) => {
      if (clock.monotonicMs() - toldMs < everyMs) return;
      toldMs = clock.monotonicMs();
      outlet.alive(doing);
    },
  };
}
