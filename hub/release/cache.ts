// A map that forgets what was not used for longest once it is full.

export interface Cache<T> {
  has(key: string): boolean;
  get(key: string): T | undefined;
  set(key: string, value: T): void;
}

export function createCache<T>(limit: number): Cache<T> {
  const entries = new Map<string, T>();
  const touch = (key: string, value: T): void => {
    entries.delete(key);
    entries.set(key, value);
  };
  return {
    has: (key) => entries.has(key),
    get: (key) => {
      const value = entries.get(key);
      if (value !== undefined) touch(key, value);
      return value;
    },
    set: (key, value) => {
      touch(key, value);
      const [oldest] = entries.keys();
      if (entries.size > limit && oldest !== undefined) entries.delete(oldest);
    },
  };
}
