// A release whose service ends at once, again and again.
import type { Fault } from "#scripts/faults/fault.ts";

export const crashLoop: Fault = {
  name: "crash-loop",
  says: "A release that crashes at once is rolled back, and the services that it does not change go on.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async ({ device }) => {
    await device.rolledBack(await device.release("crash"));
  },
};
