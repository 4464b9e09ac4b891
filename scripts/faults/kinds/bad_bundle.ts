// Bundles that are cut off, wrong, endless or not there, each for some downloads.
import { createBundleProxy, tamperings } from "#scripts/faults/bundle_proxy.ts";
import type { Fault } from "#scripts/faults/fault.ts";
import { NotStruck } from "#scripts/faults/miss.ts";

/** Fewer than those after which a device takes the content itself to be wrong. */
const times = 3;

export const badBundle: Fault = {
  name: "bad-bundle",
  says: "A bundle comes truncated, broken off, with other content or without end; nothing of it is run.",
  tries: ({ seeds }) => tamperings.length * Math.min(seeds, 10),
  run: async ({ world, device, seed, note }) => {
    const how = tamperings[(seed - 1) % tamperings.length] ?? "short";
    note(how);
    const proxy = createBundleProxy({ port: world.hub.httpPort });
    try {
      await device.agent.restart({ hubUrl: await proxy.start() });
      proxy.tamper(how, times);
      await device.converged(await device.release("good"), 90_000);
      await device.agent.restart();
      if (proxy.served() < times) {
        throw new NotStruck(`only ${proxy.served()} bad bundles were asked for`);
      }
    } finally {
      await proxy.stop();
    }
  },
};
