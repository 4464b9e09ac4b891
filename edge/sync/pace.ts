// How large the next batch may be: small at first, larger while answers come soon, smaller when not.

/** Even a link of some hundred bytes a second moves this within a keep-alive. */
const minBytes = 4 * 1024;
const soonMs = 1000;
const lateMs = 5000;

export interface Pace {
  bytes(): number;
  /** A new connection: what the old one could do is not known of it, but what it could not is. */
  restart(): void;
  answered(tookMs: number): void;
  unanswered(): void;
}

export function createPace(limits: { firstBytes: number; maxBytes: number }): Pace {
  const least = Math.min(minBytes, limits.maxBytes);
  const first = Math.min(limits.firstBytes, limits.maxBytes);
  let bytes = first;
  const halve = (): void => {
    bytes = Math.max(least, Math.floor(bytes / 2));
  };
  return {
    bytes: () => bytes,
    restart: () => {
      bytes = Math.min(bytes, first);
    },
    answered: (tookMs) => {
      if (tookMs > lateMs) halve();
      else if (tookMs < soonMs) bytes = Math.min(limits.maxBytes, bytes * 2);
    },
    unanswered: halve,
  };
}
