// Lets loops wait for a time or for news, whichever comes first.

export interface Nudge {
  /** Ends every wait that is going on. */
  wake(): void;
  /** @param ms without it only news ends the wait */
  wait(ms?: number): Promise<void>;
}

export function createNudge(): Nudge {
  const waiting = new Set<() => void>();
  return {
    wake: () => {
      for (const resume of [...waiting]) resume();
    },
    wait: (ms) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const resume = (): void => {
        clearTimeout(timer);
        waiting.delete(resume);
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(resume, ms);
      waiting.add(resume);
      return promise;
    },
  };
}
