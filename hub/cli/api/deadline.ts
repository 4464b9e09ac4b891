// Time limits that people give, which may be longer than a timer can be.

/** A timer that is set to more rings at once. */
const longestTimerMs = 2 ** 31 - 1;

export function deadlineIn(ms: number): AbortSignal {
  return AbortSignal.timeout(Math.min(ms, longestTimerMs));
}
