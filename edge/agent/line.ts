// Lines of callers: those under the same key are served one after the other, others side by side.

export type Line = <R>(key: string, work: () => Promise<R>) => Promise<R>;

export function createLine(): Line {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work);
    const over = mine.catch(() => undefined);
    last.set(key, over);
    try {
      return await mine;
    } finally {
      if (last.get(key) === over) last.delete(key);
    }
  };
}
