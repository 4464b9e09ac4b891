// The rhythm of a low-power device: how seldom it talks, and whether its connection stays in between.
import { isDeepStrictEqual } from "node:util";
import type { Rhythm } from "./port.ts";

/** The most that MQTT 3.1.1 can say, section 3.1.2.10. */
const maxKeepaliveSeconds = 65_535;

/** A device in a rhythm may miss as many polls as the hub lets any device miss heartbeats. */
const missedPolls = 3;

export interface Rhythms {
  now(): Rhythm | undefined;
  /** @returns whether it is another one */
  set(rhythm: Rhythm | undefined): boolean;
  /** Aborts when the rhythm becomes another. */
  spell(): AbortSignal;
  /** Each gives the usual interval, or the longer one of the rhythm. */
  beatMs(usualMs: number): number;
  pollMs(usualMs: number): number;
  keepaliveSeconds(usual: number): number;
  silenceMs(usualMs: number): number;
}

export function createRhythms(): Rhythms {
  let rhythm: Rhythm | undefined;
  let spell = new AbortController();
  const atLeast = (usualMs: number, times = 1): number =>
    Math.max(usualMs, (rhythm?.pollMs ?? 0) * times);
  return {
    now: () => rhythm,
    set: (next) => {
      if (isDeepStrictEqual(rhythm, next)) return false;
      rhythm = next;
      spell.abort();
      spell = new AbortController();
      return true;
    },
    spell: () => spell.signal,
    beatMs: (usualMs) => atLeast(usualMs),
    pollMs: (usualMs) => atLeast(usualMs),
    keepaliveSeconds: (usual) =>
      Math.min(maxKeepaliveSeconds, Math.ceil(atLeast(usual * 1000) / 1000)),
    silenceMs: (usualMs) => atLeast(usualMs, missedPolls),
  };
}
