// A bucket of requests: so many at once, refilled at a steady rate.

/** @returns whether one more may pass now */
export function createRate(
  monotonicMs: () => number,
  { burst, perSecond }: { burst: number; perSecond: number },
): () => boolean {
  let left = burst;
  let atMs = monotonicMs();
  return () => {
    const nowMs = monotonicMs();
    left = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond);
    atMs = nowMs;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
