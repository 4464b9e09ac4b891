// Lets a loop rest until there is news, without missing news that came while it was busy.

export interface Wake {
  set(): void;
  /** Resolves at once when `set` was called since the last wait, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createWake(): Wake {
  let isSet = false;
  let resume: () => void = () => undefined;
  return {
    set: () => {
      isSet = true;
      resume();
    },
    wait: async (signal) => {
      if (!isSet && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const wakeUp = (): void => resolve();
        resume = wakeUp;
        signal.addEventListener("abort", wakeUp);
        await promise;
        signal.removeEventListener("abort", wakeUp);
      }
      isSet = false;
    },
  };
}
