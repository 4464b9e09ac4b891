// Where a copy has volumes that no Compose file names, and what the volume at such a place is called. Pure.
import type { CreateBody, MountBody } from "#edge/runtime/docker/calls/api.ts";
import { canonicalHash } from "#shared/canonical.ts";
import { label } from "./labels.ts";

/** The copy that has the volume, and the path in it: whatever container stands there. */
export interface VolumePlace {
  device: string;
  project: string;
  service: string;
  index: string;
  path: string;
}

/** The same for every container at this place. It begins as the copy's name does, and cannot be a key of the
 *  Compose file by chance. */
export function anonymousName(place: VolumePlace): string {
  return `${place.project}_${place.service}-${place.index}_${canonicalHash(place).slice(0, 12)}`;
}

/** @param holds the volume with the data, where that is another one */
export function anonymousLabels(place: VolumePlace, holds?: string): Record<string, string> {
  return {
    [label.project]: place.project,
    [label.service]: place.service,
    [label.number]: place.index,
    [label.device]: place.device,
    [label.path]: place.path,
    ...(holds === undefined ? {} : { [label.holds]: holds }),
  };
}

/** Paths at which the Engine would make a volume with a random name: mounts without a source, and volumes of
 *  the image where nothing else is mounted.
 *  @param imageVolumes the image's `VOLUME`s
 *  @param borrowed paths that the containers of `volumes_from` bring */
export function anonymousPaths(
  { HostConfig: host }: Pick<CreateBody, "HostConfig">,
  imageVolumes: readonly string[],
  borrowed: ReadonlySet<string>,
): string[] {
  const mounts = host.Mounts ?? [];
  const taken = new Set([
    ...mounts.map(({ Target }) => Target),
    ...(host.Binds ?? []).map((bind) => bind.split(":")[1] ?? ""),
    ...Object.keys(host.Tmpfs ?? {}),
    ...borrowed,
  ]);
  const ofImage = imageVolumes.map(withoutSlash).filter((path) => !taken.has(path));
  return [...new Set([...mounts.filter(isAnonymous).map(({ Target }) => Target), ...ofImage])];
}

/** @param volumes by their paths */
export function mountAnonymous(body: CreateBody, volumes: ReadonlyMap<string, string>): CreateBody {
  const given = (body.HostConfig.Mounts ?? []).map((mount) =>
    isAnonymous(mount) ? { ...mount, Source: volumes.get(mount.Target) } : mount,
  );
  const targets = new Set(given.map(({ Target }) => Target));
  const ofImage = [...volumes]
    .filter(([path]) => !targets.has(path))
    .map(([Target, Source]): MountBody => ({ Type: "volume", Source, Target }));
  return { ...body, HostConfig: { ...body.HostConfig, Mounts: [...given, ...ofImage] } };
}

function isAnonymous({ Type, Source }: MountBody): boolean {
  return Type === "volume" && Source === undefined;
}

function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
