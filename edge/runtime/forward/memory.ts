// An in-memory forwarder for tests of the loop: its table is data, and all ports are free.
import type { Forwarder } from "./forwarder.ts";
import type { Route } from "./table.ts";

export interface MemoryForwarder extends Forwarder {
  /** Every table that was told, oldest first. */
  readonly tables: (readonly Route[])[];
  /** Ends as a killed one does, with its table. */
  die(): void;
}

export function createMemoryForwarder(): MemoryForwarder {
  const tables: (readonly Route[])[] = [];
  const listeners = new Set<() => void>();
  let routes: readonly Route[] = [];
  const answer = async () => ({ routes: [...routes], refused: {}, open: {} });
  return {
    tables,
    die: () => {
      routes = [];
      for (const listener of listeners) listener();
    },
    apply: (wanted) => {
      routes = wanted;
      tables.push(wanted);
      return answer();
    },
    ask: answer,
    holder: async ({ port }) => routes.find((route) => route.port === port)?.app,
    onChange: (listener) => void listeners.add(listener),
    end: async () => {
      routes = [];
    },
  };
}
