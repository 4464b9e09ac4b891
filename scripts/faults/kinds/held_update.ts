// A pre-update hook that always fails holds an update back, and only for so long.
import type { Device } from "#scripts/faults/device.ts";
import type { Fault } from "#scripts/faults/fault.ts";
import { localStatus } from "#scripts/faults/local_page.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";

const holdSeconds = 8;
/** So late the harness may see that it has begun. */
const earlyMs = 1500;

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
  run: async ({ device, note }) => {
    const before = await device.served();
    const release = await device.release("good");
    await until("the update is held", () => isHeld(device), { limitMs: 30_000, pauseMs: 50 });
    const since = performance.now();
    await pause((holdSeconds * 1000) / 2);
    if (!(await isHeld(device)) || (await device.served()) !== before) {
      throw notSurvived("the update did not wait for the app");
    }
    await device.converged(release);
    const tookMs = performance.now() - since;
    note(`converged ${(tookMs / 1000).toFixed(1)} s after a hold of ${holdSeconds} s began`);
    if (tookMs < holdSeconds * 1000 - earlyMs) throw notSurvived("the app was not waited for");
  },
};

async function isHeld(device: Device): Promise<boolean> {
  const { running = [] } = await localStatus(device);
  return running.some(({ stage }) => stage === "hold");
}
