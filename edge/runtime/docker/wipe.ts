// Removes the volumes that an app has left on a device, and with them its data.
import { FleetError } from "#shared/errors.ts";
import { heldBy } from "./anonymous.ts";
import { label } from "./create/labels.ts";
import type { Engine } from "./engine.ts";

/** @throws FleetError runtime_refused when something that is not ours still has one */
export async function removeVolumes(
  engine: Engine,
  { device, project }: { device: string; project: string },
): Promise<void> {
  const own = [`${label.device}=${device}`, `${label.project}=${project}`];
  const { Volumes } = await engine.listVolumes(own);
  for (const volume of Volumes ?? []) {
    // What it stands for goes first: nothing else tells whose that is.
    for (const name of [heldBy(volume), volume.Name]) {
      if (name !== undefined && (await engine.removeVolume(name)) === "busy") throw inUse(name);
    }
  }
}

function inUse(volume: string): FleetError {
  return new FleetError("runtime_refused", {
    message: `the volume ${volume} cannot be removed, because a container still has it`,
    hint: `See "docker ps -a --filter volume=${volume}", and remove that container.`,
    subject: volume,
  });
}
