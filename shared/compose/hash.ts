// Names what a service's container is made of, so that an unchanged service is never touched.
import { byCodeUnit, canonicalHash, canonicalJson } from "#shared/canonical.ts";
import {
  type ComposeProject,
  type ComposeService,
  type FileMount,
  type FileObject,
  isHandedOver,
  type Port,
} from "./model.ts";

type ContentHash = (relativePath: string) => string | undefined;

/** What changes without a new container: how many there are, in what order they start, when to pull. */
const outsideContainer = ["replicas", "dependsOn", "pullPolicy"] as const;

/** Lists whose order means nothing. */
const unordered = [
  "ports",
  "expose",
  "mounts",
  "configs",
  "secrets",
  "links",
  "externalLinks",
  "extraHosts",
  "groupAdd",
  "devices",
  "deviceRequests",
  "deviceCgroupRules",
  "capAdd",
  "capDrop",
  "securityOptions",
] as const satisfies (keyof ComposeService)[];

/** sha256 over the service, the files of the release that it mounts, and the networks and volumes that it
 *  uses. Pure; equal content in another order hashes equally.
 *  @param contentHash of a file or directory by its path in the release, without a leading `./` */
export function serviceHash(
  service: ComposeService,
  contentHash: ContentHash,
  project: ComposeProject,
): string {
  return canonicalHash({
    service: containerPart(service),
    files: mountedFiles(service, contentHash),
    configs: service.configs
      .map((mount) => fileIdentity(mount, project.configs, contentHash))
      .toSorted(byCodeUnit),
    secrets: service.secrets
      .map((mount) => fileIdentity(mount, project.secrets, contentHash))
      .toSorted(byCodeUnit),
    networks: select(project.networks, Object.keys(service.networks)),
    volumes: select(project.volumes, volumeNames(service)),
  });
}

function containerPart(service: ComposeService): Record<string, unknown> {
  const part: Record<string, unknown> = { ...service };
  for (const key of outsideContainer) delete part[key];
  for (const key of unordered) part[key] = asSet(service[key]);
  if (isHandedOver(service)) part["ports"] = asSet(service.ports.map(insidePort));
  return part;
}

/** Where the device holds the host's side of a port, that side is no part of the container. */
function insidePort({ target, protocol, published }: Port): object {
  return { target, protocol, forwarded: published !== undefined };
}

function asSet(list: readonly unknown[]): string[] {
  return list.map(canonicalJson).toSorted(byCodeUnit);
}

function mountedFiles(
  service: ComposeService,
  contentHash: ContentHash,
): Record<string, string | null> {
  const sources = service.mounts.flatMap((mount) => (mount.type === "bind" ? [mount.source] : []));
  return Object.fromEntries(
    sources
      .filter((source) => source.startsWith("./"))
      .map((source) => [source, contentHash(source.slice(2) || ".") ?? null]),
  );
}

function fileIdentity(
  mount: FileMount,
  objects: Record<string, FileObject>,
  contentHash: ContentHash,
): string {
  const object = objects[mount.source];
  const inRelease = object?.file !== undefined && !object.file.startsWith("/");
  const content = inRelease ? (contentHash(object.file ?? "") ?? null) : null;
  return canonicalJson({ source: mount.source, object, content });
}

function volumeNames(service: ComposeService): string[] {
  return service.mounts.flatMap((mount) =>
    mount.type === "volume" && mount.source !== undefined ? [mount.source] : [],
  );
}

function select<T>(all: Record<string, T>, names: string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
