// Looks whether a device is in safe mode, at the hub and on its own page.
import type { Device } from "./device.ts";
import { localPage, localStatus } from "./local_page.ts";
import { notSurvived, until } from "./until.ts";

const limitMs = 30_000;

/** As the hub has it. */
export async function isSafe(device: Device): Promise<boolean> {
  const { conditions } = await device.view();
  return conditions.some(({ type, status }) => type === "SafeMode" && status === "True");
}

/** The page says so and why, and the hub knows.
 *  @param provoke called until it is so */
export async function entersSafeMode(
  device: Device,
  cause: string,
  provoke: () => Promise<void> = async () => undefined,
): Promise<void> {
  const look = async (): Promise<boolean> => {
    await provoke();
    return (await localStatus(device)).safeMode?.cause === cause;
  };
  await until(`safe mode for ${cause} on the page`, look, { limitMs });
  if (!/safe mode/i.test(await localPage(device))) throw notSurvived("the page is silent about it");
  await until("safe mode at the hub", () => isSafe(device), { limitMs });
}

export async function leavesSafeMode(device: Device): Promise<void> {
  const look = async (): Promise<boolean> => (await localStatus(device)).safeMode === undefined;
  await until("the end of safe mode on the page", look, { limitMs });
  await until("the end of safe mode at the hub", async () => !(await isSafe(device)), { limitMs });
}
