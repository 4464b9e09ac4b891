// Hub and agents of a whole fleet as processes, of which the hub can be stopped and started while the others go on.
import { type Children, type ChildSpec, createChildren } from "#scripts/start/children.ts";

export interface HubAside extends Children {
  /** Told to end, as by a service manager, and gone when this resolves. */
  stopHub(): Promise<void>;
  /** As it was started first; whether it is ready is for the caller to ask. */
  startHub(): void;
}

export function createHubAside(): HubAside {
  const agents = createChildren(() => undefined);
  let hub = createChildren(() => undefined);
  let known: ChildSpec | undefined;
  return {
    start: (spec) => {
      if (spec.name !== "hub") return agents.start(spec);
      known = spec;
      return hub.start(spec);
    },
    pid: (name) => (name === known?.name ? hub : agents).pid(name),
    stop: async () => {
      await agents.stop();
      await hub.stop();
    },
    stopHub: () => hub.stop(),
    startHub: () => {
      if (known === undefined) throw new TypeError("there was no hub to start again");
      hub = createChildren(() => undefined);
      void hub.start(known);
    },
  };
}
