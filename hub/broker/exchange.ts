// Hands each message to its subscribers: exact topics by one look-up, wildcards by a short list.
import { isWildcard, matchesFilter } from "./filter.ts";

interface Routed {
  topic: string;
  brokerCounter?: number;
}

type Deliver = (packet: Routed, done: () => void) => void;
type Done = (error?: Error | null) => void;

/** In the form of aedes' `mq` option. */
export interface Exchange {
  on(filter: string, deliver: Deliver, done?: Done): void;
  removeListener(filter: string, deliver: Deliver, done?: Done): void;
  emit(packet: Routed, done?: Done): void;
  close(done: Done): void;
}

/** The publisher is answered at once and never waits for a subscriber: one operator's slow terminal
 *  must not hold up the fleet. What a slow subscriber may pile up is bounded at its connection. */
export function createExchange(): Exchange {
  const exact = new Map<string, Set<Deliver>>();
  const wild = new Map<string, Set<Deliver>>();
  let counter = 0;
  let closed = false;
  const tableOf = (filter: string) => (isWildcard(filter) ? wild : exact);

  return {
    on: (filter, deliver, done) => {
      const table = tableOf(filter);
      table.set(filter, (table.get(filter) ?? new Set()).add(deliver));
      if (done !== undefined) setImmediate(done);
    },
    removeListener: (filter, deliver, done) => {
      const table = tableOf(filter);
      const listeners = table.get(filter);
      listeners?.delete(deliver);
      if (listeners?.size === 0) table.delete(filter);
      if (done !== undefined) setImmediate(done);
    },
    emit: (packet, done = () => undefined) => {
      if (closed) return done(new Error("the broker is closed"));
      // A client drops a packet whose number is below the last it saw, to spare it duplicates of
      // overlapping filters; numbers must therefore rise in the order of delivery.
      counter += 1;
      packet.brokerCounter = counter;
      for (const deliver of exact.get(packet.topic) ?? []) deliver(packet, ignore);
      for (const [filter, listeners] of wild) {
        if (!matchesFilter(filter, packet.topic)) continue;
        for (const deliver of listeners) deliver(packet, ignore);
      }
      setImmediate(done);
    },
    close: (done) => {
      closed = true;
      setImmediate(done);
    },
  };
}

function ignore(): void {}
