// A pre-update hook that always fails holds an update back, and only for so long.
import type { Fault } from "#scripts/faults/fault.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const holdSeconds = 8;

export const failingHook: Fault = {
  name: "failing-hook",
  says: "The app's pre-update hook fails each time: the update waits for as long as the role allows, and comes.",
  world: {
    devices: 1,
    device: {
      role: {
        roleLines: [
          "hooks:",
          "  preUpdate: busy.sh",
          "update:",
          `  maxHoldSeconds: ${holdSeconds}`,
        ],
        files: { "busy.sh": "#!/bin/sh\nexit 1\n" },
      },
    },
  },
  tries: ({ seeds }) => Math.min(seeds, 5),
  run: async ({ device }) => {
    const before = await device.served();
    const release = await device.release("good");
    await pause((holdSeconds * 1000) / 2);
    if ((await device.served()) !== before)
      throw notSurvived("the update did not wait for the app");
    await device.converged(release);
  },
};
