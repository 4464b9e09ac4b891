// Keeps events of the hub in its store and tells them on the bus.
import type { Bus } from "#hub/bus.ts";
import type { NewEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";

type Fact = Pick<NewEvent, "type" | "reason" | "message"> & Partial<Pick<NewEvent, "device">>;

export type Announce = (...facts: Fact[]) => Promise<void>;

export function createAnnouncer(parts: {
  store: Pick<Store, "addEvents">;
  bus: Bus;
  clock: Clock;
}): Announce {
  return async (...facts) => {
    if (facts.length === 0) return;
    const at = parts.clock.now();
    const events = facts.map((fact) => ({
      at,
      app: null,
      source: "hub" as const,
      ...fact,
      device: fact.device ?? null,
    }));
    for (const event of await parts.store.addEvents(events)) parts.bus.emit("event", event);
  };
}
