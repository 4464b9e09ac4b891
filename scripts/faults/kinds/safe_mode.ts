// Three bad releases in a row.
import type { Fault } from "#scripts/faults/fault.ts";
import { until } from "#scripts/faults/until.ts";

const badReleases = 3;

export const thirdFailure: Fault = {
  name: "third-failure",
  says: "The third bad release in a row makes safe mode, in which the last good one serves, until a retry.",
  tries: ({ seeds }) => Math.min(seeds, 5),
  run: async ({ world, device }) => {
    const isSafe = async (): Promise<boolean> => {
      const { conditions } = await device.view();
      return conditions.some(({ type, status }) => type === "SafeMode" && status === "True");
    };
    for (let made = 0; made < badReleases; made += 1) {
      await device.rolledBack(await device.release("crash"), 80_000);
    }
    await until("safe mode", isSafe, { limitMs: 20_000 });
    await device.release("good");
    await world.hub.order(`/v1/devices/${device.id}/retry`, { reason: "The role is mended." });
    await until("the end of safe mode", async () => !(await isSafe()), { limitMs: 20_000 });
  },
};
