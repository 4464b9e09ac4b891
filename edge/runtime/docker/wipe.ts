// Removes the volumes that an app has left on a device, and with them its data.
import { FleetError } from "#shared/errors.ts";
import { label } from "./create/labels.ts";
import type { Engine } from "./engine.ts";

/** @throws FleetError runtime_refused when something that is not ours still has one */
export async function removeVolumes(
  engine: Engine,
  { device, project }: { device: string; project: string },
): Promise<void> {
  const own = [`${label.device}=${device}`, `${label.project}=${project}`];
  const { Volumes } = await engine.listVolumes(own);
  for (const { Name } of Volumes ?? []) {
    if ((await engine.removeVolume(Name)) === "busy") throw inUse(Name);
  }
}

function inUse(volume: string): FleetError {
  return new FleetError("runtime_refused", {
    message: `the volume ${volume} cannot be removed, because a container still has it`,
    hint: `See "docker ps -a --filter volume=${volume}", and remove that container.`,
    subject: volume,
  });
}
