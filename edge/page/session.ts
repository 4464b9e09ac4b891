// Sessions of the page: a cookie that the token has signed, so that nothing needs to be kept.
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "#shared/clock.ts";
import type { PageToken } from "./token.ts";

export const sessionSeconds = 12 * 3600;

export interface Sessions {
  /** The cookie's value. */
  open(): string;
  holds(value: string): boolean;
}

/** They end with their time, with the boot and with the token.
 *  @param options.bootId names the boot that the monotonic clock counts from */
export function createSessions(options: {
  token: Pick<PageToken, "sign">;
  clock: Pick<Clock, "monotonicMs">;
  bootId: () => string;
}): Sessions {
  const { token, clock, bootId } = options;
  const mark = (openedMs: number): string => token.sign(`page session ${bootId()} ${openedMs}`);
  return {
    open: () => {
      const openedMs = Math.round(clock.monotonicMs());
      return `${openedMs}.${mark(openedMs)}`;
    },
    holds: (value) => {
      const [, opened, given] = /^(\d{1,15})\.([\w-]{43})$/.exec(value) ?? [];
      if (opened === undefined || given === undefined) return false;
      const ageMs = clock.monotonicMs() - Number(opened);
      if (ageMs < -1 || ageMs > sessionSeconds * 1000) return false;
      return timingSafeEqual(Buffer.from(given), Buffer.from(mark(Number(opened))));
    },
  };
}
