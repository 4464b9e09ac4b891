// Keeps the data of anonymous volumes: the volume belongs to the copy's place and not to one container.
//
// Until now the Engine made these volumes itself, with a random name, and a volume cannot be renamed. The one
// at a place then stays what it is, and an empty volume with the place's own name says in a label which it is.
import type {
  ContainerDetail,
  CreateBody,
  ImageDetail,
  VolumeDetail,
} from "#edge/runtime/docker/calls/api.ts";
import {
  anonymousLabels,
  anonymousName,
  anonymousPaths,
  mountAnonymous,
  type VolumePlace,
} from "#edge/runtime/docker/create/anonymous.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import type { DockerContext } from "./context.ts";
import { hasVanished } from "./vanished.ts";

interface Copy {
  app: ResolvedApp;
  ref: InstanceRef;
  image: ImageDetail;
}

/** The body with the place's own volume wherever the Engine would make one with a random name. */
export async function withKeptVolumes(
  context: DockerContext,
  { app, ref, image }: Copy,
  body: CreateBody,
): Promise<CreateBody> {
  const borrowed = await borrowedMounts(context, body.HostConfig.VolumesFrom ?? []);
  const elsewhere = new Set(borrowed.map(({ Destination = "" }) => Destination));
  const ofImage = Object.keys(image.Config?.Volumes ?? {});
  const volumes = new Map<string, string>();
  for (const path of anonymousPaths(body, ofImage, elsewhere)) {
    const place = {
      ...{ device: context.device, project: app.project, path },
      ...{ service: ref.service, index: String(ref.index) },
    };
    volumes.set(path, await volumeAt(context, place));
  }
  return volumes.size === 0 ? body : mountAnonymous(body, volumes);
}

/** Before the container goes: from now on its anonymous volumes belong to its place. May be repeated.
 *  @returns whether there are any, which must not go with it */
export async function keepVolumes(
  context: DockerContext,
  detail: ContainerDetail,
): Promise<boolean> {
  const labels = detail.Config.Labels ?? {};
  const project = labels[label.project];
  const service = labels[label.service];
  if (project === undefined || service === undefined) return false;
  const index = labels[label.number] ?? "1";
  const borrowed = await borrowedMounts(context, detail.HostConfig.VolumesFrom ?? []);
  const others = new Set(borrowed.map(({ Name }) => Name));
  const own = anonymousOf(detail).filter(({ name }) => !others.has(name));
  for (const { path, name } of own) {
    await giveTo(context, { device: context.device, project, service, index, path }, name);
  }
  return own.length > 0;
}

/** @returns the volume to mount at the place, made if there is none */
async function volumeAt(context: DockerContext, place: VolumePlace): Promise<string> {
  const { engine } = context;
  const name = anonymousName(place);
  const found = await engine.inspectVolume(name);
  const holds = found === undefined ? await ofPredecessor(context, place) : heldBy(found);
  if (holds !== undefined && (await isThere(await engine.inspectVolume(holds)))) {
    if (found === undefined) await giveTo(context, place, holds);
    return holds;
  }
  const isUsable = found !== undefined && holds === undefined && (await isThere(found));
  if (isUsable) return name;
  if (found !== undefined) await engine.removeVolume(name);
  await engine.createVolume({ Name: name, DriverOpts: {}, Labels: anonymousLabels(place) });
  return name;
}

/** Where two copies are handed over: the volume of the one that is still there. */
async function ofPredecessor(
  { engine }: DockerContext,
  { device, project, service, index, path }: VolumePlace,
): Promise<string | undefined> {
  const containers = await engine.listContainers([
    `${label.device}=${device}`,
    `${label.project}=${project}`,
    `${label.service}=${service}`,
    `${label.number}=${index}`,
  ]);
  for (const { Id } of containers) {
    const detail = await engine.inspectContainer(Id);
    const own = detail === undefined ? [] : anonymousOf(detail);
    const found = own.find((one) => one.path === path);
    if (found !== undefined) return found.name;
  }
  return undefined;
}

/** A place that has a volume keeps it. */
async function giveTo(context: DockerContext, place: VolumePlace, volume: string): Promise<void> {
  const name = anonymousName(place);
  if ((await context.engine.inspectVolume(name)) !== undefined) return;
  const Labels = anonymousLabels(place, volume);
  await context.engine.createVolume({ Name: name, DriverOpts: {}, Labels });
}

/** The volume whose name stands for this one, which is empty then. */
export function heldBy({ Labels }: VolumeDetail): string | undefined {
  return Labels?.[label.holds];
}

async function isThere(volume: VolumeDetail | undefined): Promise<boolean> {
  return volume !== undefined && !(await hasVanished(volume));
}

/** As the Engine makes them. */
const randomName = /^[0-9a-f]{64}$/;

/** Volumes that the Engine named itself. A tmpfs of the container lies over one that nothing is written to. */
function anonymousOf({ Mounts, HostConfig: host }: ContainerDetail) {
  const named = new Set([
    ...(host.Mounts ?? []).map(({ Source }) => Source),
    ...(host.Binds ?? []).map((bind) => bind.split(":")[0]),
  ]);
  return (Mounts ?? []).flatMap(({ Type, Name: name = "", Destination: path = "" }) =>
    Type === "volume" && randomName.test(name) && !named.has(name) && !(path in (host.Tmpfs ?? {}))
      ? [{ path, name }]
      : [],
  );
}

/** What the containers of `volumes_from` have mounted. @param from `name[:ro|rw]` */
async function borrowedMounts({ engine }: DockerContext, from: readonly string[]) {
  const mounts: NonNullable<ContainerDetail["Mounts"]> = [];
  for (const entry of from) {
    const detail = await engine.inspectContainer(entry.split(":")[0] ?? "");
    mounts.push(...(detail?.Mounts ?? []));
  }
  return mounts;
}
