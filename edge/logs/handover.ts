// Joins several producers to one consumer: each waits until its item was taken, so nothing piles up.
export interface Handover<T> {
  /** Resolves once the item was taken, or nobody will take it. */
  put(item: T): Promise<void>;
  /** Undefined once it is closed. */
  take(): Promise<T | undefined>;
  close(): void;
}

export function createHandover<T>(): Handover<T> {
  const offered: { item: T; taken: () => void }[] = [];
  let waiting: ((item: T | undefined) => void) | undefined;
  let isClosed = false;
  return {
    put: async (item) => {
      if (isClosed) return;
      if (waiting !== undefined) {
        const give = waiting;
        waiting = undefined;
        return give(item);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      offered.push({ item, taken: resolve });
      await promise;
    },
    take: () => {
      const next = offered.shift();
      next?.taken();
      if (next !== undefined) return Promise.resolve(next.item);
      if (isClosed) return Promise.resolve(undefined);
      const { promise, resolve } = Promise.withResolvers<T | undefined>();
      waiting = resolve;
      return promise;
    },
    close: () => {
      isClosed = true;
      waiting?.(undefined);
      waiting = undefined;
      for (const { taken } of offered.splice(0)) taken();
    },
  };
}
