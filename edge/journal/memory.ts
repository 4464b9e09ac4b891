// Small values that outlive the process, by name: one row each.
import type { Connection } from "./database.ts";
import type { Remembered } from "./port.ts";
import { parseColumn } from "./unusable.ts";

export interface Memory {
  /** @returns whether the value is another than before */
  remember<K extends keyof Remembered>(key: K, value: Remembered[K] | undefined): boolean;
  recall<K extends keyof Remembered>(key: K): Remembered[K] | undefined;
  all(): Record<string, unknown>;
  /** Puts these in the place of what is there. */
  restore(values: Record<string, unknown>): void;
}

export function createMemory(database: Connection): Memory {
  const read = database
    .prepare<[string], string>("SELECT value FROM memory WHERE name = ?")
    .pluck();
  const write = database.prepare<[string, string]>(
    "INSERT INTO memory (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  const list = database.prepare<[], { name: string; value: string }>(
    "SELECT name, value FROM memory ORDER BY name",
  );
  const clear = database.prepare<[]>("DELETE FROM memory");
  const forget = database.prepare<[string]>("DELETE FROM memory WHERE name = ?");
  return {
    remember: (key, value) => {
      const text: string | undefined = JSON.stringify(value);
      if (text === read.get(key)) return false;
      if (text === undefined) forget.run(key);
      else write.run(key, text);
      return true;
    },
    recall: <K extends keyof Remembered>(key: K) => {
      const text = read.get(key);
      return text === undefined ? undefined : (parseColumn(text, "memory") as Remembered[K]);
    },
    all: () =>
      Object.fromEntries(list.all().map(({ name, value }) => [name, parseColumn(value, "memory")])),
    restore: (values) => {
      clear.run();
      for (const [name, value] of Object.entries(values)) write.run(name, JSON.stringify(value));
    },
  };
}
