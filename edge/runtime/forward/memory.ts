// An in-memory forwarder for tests of the loop: its table is data, and all ports are free.
import type { Forwarder } from "./forwarder.ts";
import type { Route } from "./table.ts";

export function createMemoryForwarder(): Forwarder {
  let routes: readonly Route[] = [];
  const answer = async () => ({ routes: [...routes], refused: {}, open: {} });
  return {
    apply: (wanted) => {
      routes = wanted;
      return answer();
    },
    ask: answer,
    holder: async ({ port }) => routes.find((route) => route.port === port)?.app,
    end: async () => {
      routes = [];
    },
  };
}
