// Notes every minute that the hub is there, so that the next one knows for how long there was none.
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";

export interface Attendance {
  /** Before anything looks at a deadline. */
  start(): Promise<void>;
  /** Before each look at a deadline: a clock that was put forward, or a hub that was held up as a whole, makes
   *  time go by in which nobody could be heard; it is told as an absence. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const everyMs = 60_000;
/** Without a note for longer the hub was not there, whatever it thinks. */
const longestMs = 3 * everyMs;

export function createAttendance({
  store,
  clock,
}: {
  store: Pick<Store, "attend">;
  clock: Clock;
}): Attendance {
  const stopping = new AbortController();
  let beganAt = 0;
  let seenAt = 0;
  let noting: Promise<void> | undefined;
  const note = async (): Promise<void> => {
    const now = clock.now();
    if (now - seenAt > longestMs) beganAt = now;
    await store.attend(beganAt, now);
    seenAt = now;
  };
  const keepNoting = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(everyMs, stopping.signal);
      // A store that cannot be written is told by everybody else, and the next note makes this one good.
      await note().catch(() => undefined);
    }
  };
  return {
    start: async () => {
      await note();
      noting = keepNoting();
    },
    look: async () => {
      if (clock.now() - seenAt > longestMs) await note();
    },
    stop: async () => {
      stopping.abort();
      await noting;
    },
  };
}
