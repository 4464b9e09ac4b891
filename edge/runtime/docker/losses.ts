// Finds volumes that are gone from under running copies, which goes on until something touches them.
import type { ContainerDetail, VolumeDetail } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { volumeName, volumeOf } from "#edge/runtime/docker/create/names.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { DockerContext } from "./context.ts";
import { usedVolumes } from "./prepare.ts";
import { hasVanished } from "./vanished.ts";

export interface Losses {
  /** @see the port, `examine` */
  examine(app: ResolvedApp): Promise<string[]>;
  /** What the container was found to have lost. */
  of(id: string): string[];
}

export function createLosses(context: DockerContext): Losses {
  const found = new Map<string, string[]>();

  const noteLoss = (containers: readonly ContainerDetail[], name: string, text: string): void => {
    const those = containers.filter(({ Mounts }) => Mounts?.some((mount) => mount.Name === name));
    for (const { Id } of those) found.set(Id, [...(found.get(Id) ?? []), text]);
  };

  return {
    of: (id) => found.get(id) ?? [],
    examine: async (app) => {
      const findings: string[] = [];
      const containers = await runningOf(context, app);
      for (const { Id } of containers) found.delete(Id);
      for (const key of usedVolumes(app)) {
        const name = volumeName(app, key);
        if (!(await isGone(await context.engine.inspectVolume(name)))) continue;
        const text = `volume ${name} is gone`;
        findings.push(text);
        // Only whoever made an external one can make it again: what serves goes on without.
        if (!volumeOf(app, key).external) noteLoss(containers, name, text);
      }
      return findings;
    },
  };
}

async function runningOf(
  { engine, device }: DockerContext,
  app: ResolvedApp,
): Promise<ContainerDetail[]> {
  const labels = [`${label.device}=${device}`, `${label.project}=${app.project}`];
  const running: ContainerDetail[] = [];
  for (const { Id, State } of await engine.listContainers(labels)) {
    const detail = State === "running" ? await engine.inspectContainer(Id) : undefined;
    if (detail !== undefined) running.push(detail);
  }
  return running;
}

async function isGone(volume: VolumeDetail | undefined): Promise<boolean> {
  return volume === undefined || (await hasVanished(volume));
}
