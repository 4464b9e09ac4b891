// Which services of an app a new rendering touches, by the hashes that decide it on the device.
import type { RoleContent } from "#hub/release/role.ts";
import { canonicalHash, canonicalJson } from "#shared/canonical.ts";
import { serviceHash } from "#shared/compose/hash.ts";
import type { ComposeSource, LoadedCompose } from "#shared/compose/load.ts";
import { asFleetError } from "#shared/errors.ts";
import type { Digest, Values } from "#shared/ids.ts";
import type { ServiceDiff } from "./preview.ts";

type Hashes = ReadonlyMap<string, string>;

/** @param contents of the releases on both sides; one that is missing cannot be compared */
export function createServiceDiff(
  contents: ReadonlyMap<Digest, RoleContent>,
  loadCompose: (source: ComposeSource) => LoadedCompose,
): ServiceDiff {
  const known = new Map<string, Hashes | null>();
  const hashesOf = (digest: Digest, values: Values): Hashes | null => {
    const role = contents.get(digest);
    if (role === undefined) return null;
    // Devices whose values differ only in what the Compose file does not mention share one look.
    const mentioned = Object.entries(values).filter(([name]) => role.composeText.includes(name));
    const key = `${digest} ${canonicalJson(mentioned)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const hashes = hashServices(role, values, loadCompose);
    known.set(key, hashes);
    return hashes;
  };
  return (before, after) => {
    const to = hashesOf(after.app.release.digest, after.app.values);
    const from =
      before === undefined ? new Map() : hashesOf(before.app.release.digest, before.app.values);
    if (to === null || from === null) return null;
    const names = new Set([...from.keys(), ...to.keys()]);
    return [...names].filter((name) => from.get(name) !== to.get(name));
  };
}

function hashServices(
  role: RoleContent,
  values: Values,
  loadCompose: (source: ComposeSource) => LoadedCompose,
): Hashes | null {
  try {
    const { project } = loadCompose({
      ...{ file: role.composeFile, text: role.composeText, values },
      readText: (path) => role.texts.get(path.replace(/^\.\//, "")),
    });
    const services = Object.entries(project.services);
    return new Map(
      services.map(([name, service]) => [
        name,
        serviceHash(service, (path) => contentOf(role, path), project),
      ]),
    );
  } catch (error) {
    if (asFleetError(error).code === "internal") throw error;
    return null;
  }
}

/** A file, or everything under a directory, by Git's ids: equal content, equal id. */
function contentOf({ files }: RoleContent, path: string): string | undefined {
  const under = files.filter(
    ({ name }) => path === "." || name === path || name.startsWith(`${path}/`),
  );
  return under.length === 0 ? undefined : canonicalHash(under);
}
