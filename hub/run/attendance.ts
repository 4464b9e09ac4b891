// Notes every minute that the hub is there, so that the next one knows for how long there was none.
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";

export interface Attendance {
  /** Before anything looks at a deadline. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const everyMs = 60_000;

export function createAttendance({
  store,
  clock,
}: {
  store: Pick<Store, "attend">;
  clock: Clock;
}): Attendance {
  const stopping = new AbortController();
  let beganAt = 0;
  let noting: Promise<void> | undefined;
  const note = (): Promise<void> => store.attend(beganAt, clock.now());
  const keepNoting = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(everyMs, stopping.signal);
      // A store that cannot be written is told by everybody else, and the next note makes this one good.
      await note().catch(() => undefined);
    }
  };
  return {
    start: async () => {
      beganAt = clock.now();
      await note();
      noting = keepNoting();
    },
    stop: async () => {
      stopping.abort();
      await noting;
    },
  };
}
