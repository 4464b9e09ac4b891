// Gives copies their own names: after a copy beside them has gone, or someone has renamed them by hand.
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { nameOf } from "#edge/runtime/docker/create/names.ts";
import type { DockerContext } from "./context.ts";

/** Asks the Engine for nothing while all names are right. A name that others hold is left to them. */
export async function giveOwnNames(
  { engine, device }: DockerContext,
  containers: readonly ContainerSummary[],
): Promise<void> {
  const taken = new Set(containers.map(nameOf));
  for (const container of containers) {
    const name = container.Labels[label.name];
    const isOurs = container.Labels[label.device] === device;
    if (!isOurs || name === undefined || taken.has(name)) continue;
    taken.add(name);
    await engine.renameContainer(container.Id, name);
  }
}
