// The place of an app's update lock: a file whose existence holds the app's update.
import { chown, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppName } from "#shared/ids.ts";

/** Makes the app's directory, which a reboot may have taken away.
 *  @returns the lock's path; undefined where the agent may not write there, and then the app has no lock */
export async function makeLockPlace(
  runDirectory: string | undefined,
  app: AppName,
): Promise<string | undefined> {
  if (runDirectory === undefined) return undefined;
  const lock = join(runDirectory, app, "lock");
  const made = mkdir(dirname(lock), { recursive: true, mode: 0o755 });
  return made.then(
    () => lock,
    () => undefined,
  );
}

/** The app makes and removes the lock, so its directory belongs to the user that the service runs as. */
export async function giveLockPlace(
  lock: string,
  { uid, gid }: { uid?: number; gid?: number },
): Promise<void> {
  if (uid === undefined || process.getuid?.() !== 0) return;
  await chown(dirname(lock), uid, gid ?? uid);
}
