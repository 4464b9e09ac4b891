// Notices that someone has been silent for too long, by time in which this process itself ran.

/** So many looks fall into the shortest silence that counts. */
const looks = 20;
const leastTickMs = 10;

export interface Silence {
  /** From now on so much silence is too much. */
  expect(limitMs: number): void;
  /** It was heard. */
  heard(): void;
  end(): void;
}

/** A listener that was stopped together with the one it listens to (a machine asleep, a job in the
 *  background) has heard nothing for a reason that is its own: a late look counts as a timely one.
 *  @param onSilent called once, with the ms of silence */
export function createSilence(onSilent: (silentMs: number) => void): Silence {
  let timer: NodeJS.Timeout | undefined;
  let silentMs = 0;
  const end = (): void => clearInterval(timer);
  const heard = (): void => {
    silentMs = 0;
  };
  const expect = (limitMs: number): void => {
    end();
    heard();
    const tickMs = Math.max(leastTickMs, limitMs / looks);
    let lookedMs = performance.now();
    timer = setInterval(() => {
      const nowMs = performance.now();
      silentMs += Math.min(nowMs - lookedMs, 2 * tickMs);
      lookedMs = nowMs;
      if (silentMs < limitMs) return;
      end();
      onSilent(silentMs);
    }, tickMs);
  };
  return { expect, heard, end };
}
