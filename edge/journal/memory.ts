// Small values that outlive the process, by name: one row each.
import type { Connection } from "./database.ts";
import type { Remembered } from "./port.ts";

export interface Memory {
  remember<K extends keyof Remembered>(key: K, value: Remembered[K] | undefined): void;
  recall<K extends keyof Remembered>(key: K): Remembered[K] | undefined;
}

export function createMemory(database: Connection): Memory {
  const read = database
    .prepare<[string], string>("SELECT value FROM memory WHERE name = ?")
    .pluck();
  const write = database.prepare<[string, string]>(
    "INSERT INTO memory (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  const forget = database.prepare<[string]>("DELETE FROM memory WHERE name = ?");
  return {
    remember: (key, value) => {
      const text: string | undefined = JSON.stringify(value);
      if (text === read.get(key)) return;
      if (text === undefined) forget.run(key);
      else write.run(key, text);
    },
    recall: <K extends keyof Remembered>(key: K) => {
      const text = read.get(key);
      return text === undefined ? undefined : (JSON.parse(text) as Remembered[K]);
    },
  };
}
