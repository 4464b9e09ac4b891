// Follows the rhythm that the hub wants of a device that saves power.
import type { Sync } from "#edge/sync/port.ts";
import type { DesiredState, Rhythm } from "#shared/desired.ts";

interface Own {
  intervalMs: number;
  heartbeatMs: number;
}

interface Parts {
  sync: Pick<Sync, "setRhythm" | "onChange">;
  desired(): DesiredState | undefined;
}

export interface RhythmFollower {
  /** Takes up what is wanted now, and from then on whatever comes. */
  start(): void;
  /** The device's own settings, or the wanted rhythm instead of both of them. */
  apply<T extends Own>(own: T): T;
}

export function createRhythm({ sync, desired }: Parts): RhythmFollower {
  let wanted: Rhythm | undefined;
  const follow = (): void => {
    const { run, rhythm } = desired() ?? {};
    // Its steps wait for the hub's answer, and the hub for theirs: asleep, both would take the other for lost.
    wanted = run === undefined ? rhythm : undefined;
    sync.setRhythm(
      wanted === undefined
        ? undefined
        : { pollMs: wanted.intervalMs, connection: wanted.connection },
    );
  };
  return {
    start: () => {
      sync.onChange(follow);
      follow();
    },
    apply: (own) =>
      wanted === undefined
        ? own
        : { ...own, intervalMs: wanted.intervalMs, heartbeatMs: wanted.intervalMs },
  };
}
