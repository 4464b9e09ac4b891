// Three bad releases in a row.
import { eventsFrom } from "#scripts/faults/events.ts";
import type { Fault } from "#scripts/faults/fault.ts";
import { entersSafeMode, isSafe, leavesSafeMode } from "#scripts/faults/safe.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";

const badReleases = 3;
/** Some rounds of the device, in which it could have taken a release in. */
const watchedMs = 5000;

export const thirdFailure: Fault = {
  name: "third-failure",
  says: "The third bad release in a row makes safe mode, in which the last good one serves and no other comes, until a retry.",
  tries: ({ seeds }) => Math.min(seeds, 5),
  run: async ({ world, device }) => {
    const events = await eventsFrom(world, device);
    const before = await device.served();
    for (let made = 0; made < badReleases; made += 1) {
      if (await isSafe(device)) throw notSurvived(`safe mode after ${made} bad releases`);
      await device.rolledBack(await device.release("crash"), 80_000);
    }
    await entersSafeMode(device, "failedUpdates");
    const isTold = async (): Promise<boolean> =>
      (await events.reasons()).includes("SafeModeEntered");
    await until("the event of safe mode", isTold, { limitMs: 20_000 });
    await device.release("good");
    await pause(watchedMs);
    if ((await device.served()) !== before) throw notSurvived("an update came in safe mode");
    await world.hub.order(`/v1/devices/${device.id}/retry`, { reason: "The role is mended." });
    await leavesSafeMode(device);
  },
};
