// Runs a copy's post_start and pre_stop commands beside its process.
import { FleetError } from "#shared/errors.ts";
import type { Hook } from "./launch.ts";
import { markerVariable } from "./marker.ts";
import { runOnce } from "./oneshot.ts";

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
    const result = await runOnce({ ...hook, environment, timeoutMs });
    if (result.exitCode === 0) continue;
    const ending = result.timedOut
      ? `took over ${timeoutMs / 1000} s`
      : `ended with ${result.errno ?? `code ${result.exitCode ?? "of a signal"}`}`;
    throw new FleetError("start_failed", {
      message: `The hook ${hook.command.join(" ")} ${ending}: ${result.output.slice(-300)}`,
      hint: "Run it by hand on the device.",
    });
  }
}
