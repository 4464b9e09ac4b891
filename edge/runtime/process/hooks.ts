// Runs a copy's post_start and pre_stop commands beside its process.
import { FleetError } from "#shared/errors.ts";
import type { Hook } from "./launch.ts";
import { markerVariable } from "./marker.ts";
import { endingOf, runOnce } from "./oneshot.ts";

/** One after another, as Compose does.
 *  @param marker of the copy's run, so that a hook never outlives it
 *  @throws FleetError start_failed at the first that does not end with 0 in time */
export async function runHooks(
  hooks: readonly Hook[],
  marker: string,
  timeoutMs: number,
): Promise<void> {
  for (const hook of hooks) {
    const environment = { ...hook.environment, [markerVariable]: marker };
    const ending = endingOf(await runOnce({ ...hook, environment, timeoutMs }), timeoutMs);
    if (ending === undefined) continue;
    throw new FleetError("start_failed", {
      message: `The hook ${hook.command.join(" ")} ${ending}`,
      hint: "Run it by hand on the device.",
    });
  }
}
