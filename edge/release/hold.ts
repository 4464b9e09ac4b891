// Asks an app whether it may be replaced now: its lock file first, then its own pre-update hook.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { runRoleScript } from "./hook.ts";
import type { StagedRevision } from "./port.ts";

/** EX_TEMPFAIL of sysexits.h. */
const busyCode = 75;
const hookTimeoutMs = 60_000;

/** Where an app puts the file whose existence holds its updates back. */
export function lockFile(runDirectory: string, app: AppName): string {
  return join(runDirectory, app, "lock");
}

/** @param serving the release that would be replaced
 *  @throws FleetError update_held, interrupted */
export async function askApp(
  serving: StagedRevision,
  { runDirectory, signal }: { runDirectory: string; signal: AbortSignal },
): Promise<void> {
  const { name } = serving.spec;
  const file = lockFile(runDirectory, name);
  if (await exists(file)) {
    throw held(name, `the app holds its update: ${file} exists`, "The app removes the file.");
  }
  const script = serving.role.hooks.preUpdate;
  if (script === undefined) return;
  const ran = await runRoleScript(serving, script, { timeoutMs: hookTimeoutMs, signal });
  if (ran.fault === undefined) return;
  const says = ran.exitCode === busyCode ? "says that the app is busy" : ran.fault;
  throw held(name, `the pre-update hook ${script} ${says}`, "It is asked again.");
}

function held(app: AppName, message: string, then: string): FleetError {
  const hint = `${then} After update.maxHoldSeconds of role.yaml the update goes on all the same.`;
  return new FleetError("update_held", { message, hint, subject: app });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
