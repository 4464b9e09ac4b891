// What measured times come to: the middle, the tail and the worst, by the nearest rank.

export interface Figures {
  count: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Pure. All 0 without times. */
export function figuresOf(timesMs: readonly number[]): Figures {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const rank = (share: number): number =>
    sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { count: sorted.length, p50Ms: rank(0.5), p99Ms: rank(0.99), maxMs: rank(1) };
}

/** Whether so few take longer that it is at most one of a hundred; of less than a hundred, none. Pure. */
export function nearlyAllWithin(timesMs: readonly number[], limitMs: number): boolean {
  return timesMs.filter((timeMs) => timeMs > limitMs).length * 100 <= timesMs.length;
}

/** E.g. `100 times: p50 1.2 s, p99 8.0 s, max 9.1 s`. Pure. */
export function inWords({ count, p50Ms, p99Ms, maxMs }: Figures): string {
  const [p50, p99, max] = [p50Ms, p99Ms, maxMs].map((ms) => (ms / 1000).toFixed(1));
  return `${count} times: p50 ${p50} s, p99 ${p99} s, max ${max} s`;
}
