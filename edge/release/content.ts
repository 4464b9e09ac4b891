// Reads files of an unpacked release by their relative path: never one outside of it, and none that was changed.
import { readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { sha256 } from "#shared/canonical.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";
import { contentHashIn, insidePath, type Manifest } from "./manifest.ts";

interface ReleaseContent {
  /** Absolute path of a file or directory of the release. */
  locate: (path: string) => string | undefined;
}

/** Synchronous, since loading a Compose file is; a release's files are few and small.
 *  @param directory absolute path of the unpacked release */
export function contentOf(directory: string): ReleaseContent {
  return { locate: (path) => locateIn(directory, path) };
}

interface TrueContent {
  /** @throws FleetError release_damaged */
  readText: (path: string) => string | undefined;
  contentHash: (path: string) => string | undefined;
}

/** Content as the bundle had it: a hash comes from the manifest, and a text that differs from the manifest
 *  is given to nobody. */
export function trueContentOf(directory: string, manifest: Manifest): TrueContent {
  return {
    contentHash: (path) => contentHashIn(manifest, path),
    readText: (path) => {
      const inside = insidePath(path);
      const file = manifest.files.find((one) => one.path === inside);
      if (file === undefined) return undefined;
      const bytes = whenPresent(locateIn(directory, file.path), (found) => readFileSync(found));
      if (bytes === undefined) throw releaseDamaged(directory, `${file.path} is missing`);
      if (sha256(bytes) === file.sha256) return bytes.toString("utf8");
      throw releaseDamaged(directory, `${file.path} was changed`);
    },
  };
}

/** @param fault what was found, e.g. `compose.yaml was changed` */
export function releaseDamaged(directory: string, fault: string, cause?: unknown): FleetError {
  return new FleetError("release_damaged", {
    message: `the release is not as its bundle has it: ${fault}`,
    hint: "The agent restores it from the bundle, which it fetches again where it has none.",
    subject: directory,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A symbolic link on the way is outside too: bundles hold none, so someone made it on the device. */
function locateIn(directory: string, path: string): string | undefined {
  const full = resolve(directory, path);
  const inside = relative(directory, full);
  if (isAbsolute(path) || inside === ".." || inside.startsWith("../")) return undefined;
  return whenPresent(directory, (root) => {
    const real = join(realpathSync(root), inside);
    return realpathSync(full) === real ? real : undefined;
  });
}

function whenPresent<T>(path: string | undefined, use: (path: string) => T): T | undefined {
  if (path === undefined) return undefined;
  try {
    return use(path);
  } catch (error) {
    const absent = ["ENOENT", "ENOTDIR", "EISDIR", "ELOOP"].includes(errnoOf(error) ?? "");
    if (absent) return undefined;
    throw error;
  }
}
