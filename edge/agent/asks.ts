// What people at the device ask of an app: done between its steps, so that no two hands work on it.
import type { AppName } from "#shared/ids.ts";

interface Ask {
  app: AppName;
  /** Never fails: who asked is told of a failure. */
  act(): Promise<void>;
}

export interface Asks {
  /** Settles when it was done, or failed. */
  add(app: AppName, act: () => Promise<void>): Promise<void>;
  /** Those of apps that are free, the oldest first; at most one for each app. */
  take(busy: ReadonlySet<AppName>): Ask[];
}

/** @param onAdded wakes the loop */
export function createAsks(onAdded: () => void): Asks {
  let waiting: Ask[] = [];
  return {
    add: (app, act) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ app, act: () => act().then(resolve, reject) });
      onAdded();
      return promise;
    },
    take: (busy) => {
      const taken = new Map<AppName, Ask>();
      for (const ask of waiting) {
        if (!busy.has(ask.app) && !taken.has(ask.app)) taken.set(ask.app, ask);
      }
      waiting = waiting.filter((ask) => taken.get(ask.app) !== ask);
      return [...taken.values()];
    },
  };
}
