// What a release's files are in truth: taken from its verified bundle, and never from what lies unpacked.
import { isAbsolute, normalize } from "node:path/posix";
import { z } from "zod";
import { byCodeUnit, canonicalHash, sha256 } from "#shared/canonical.ts";
import { Digest } from "#shared/ids.ts";

const ManifestFile = z.object({
  /** Relative to the release, without a leading `./`. */
  path: z.string().min(1),
  /** Permission bits as the unpacking sets them. */
  mode: z.number().int(),
  size: z.number().int().nonnegative(),
  sha256: z.string(),
});
export type ManifestFile = z.infer<typeof ManifestFile>;

const Manifest = z.object({
  release: Digest,
  /** Every directory below the release's own; there are no links in a bundle. */
  directories: z.array(z.string().min(1)),
  files: z.array(ManifestFile),
});
export type Manifest = z.infer<typeof Manifest>;

/** Modes that hang on neither umask nor packer. */
export const directoryMode = 0o755;
export function fileMode(packed: number): number {
  return (packed & 0o100) === 0 ? 0o644 : 0o755;
}

/** In one order; directories that only paths of files name are directories too. Pure. */
export function manifestOf(
  release: Digest,
  found: { files: readonly ManifestFile[]; directories: readonly string[] },
): Manifest {
  const paths = [...found.directories, ...found.files.map(({ path }) => parentOf(path))];
  const directories = new Set(paths.flatMap(withParents));
  return {
    release,
    directories: [...directories].sort(byCodeUnit),
    files: found.files.toSorted((a, b) => byCodeUnit(a.path, b.path)),
  };
}

/** JSON that carries its own sha256: a record that rots is noticed, and made again from the bundle. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: canonicalHash(manifest) })}\n`;
}

/** @returns undefined when the text is damaged or of another release */
export function parseManifest(text: string, release: Digest): Manifest | undefined {
  try {
    const read = JSON.parse(text) as { sha256?: unknown };
    const manifest = Manifest.parse(read);
    const isTrue = manifest.release === release && canonicalHash(manifest) === read.sha256;
    return isTrue ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** sha256 of a file, or over names, modes and contents below a directory; undefined when the release has
 *  no such path. Pure: what someone did to the files on the disk does not change it. */
export function contentHashIn(manifest: Manifest, path: string): string | undefined {
  const wanted = insidePath(path);
  if (wanted === undefined) return undefined;
  const file = manifest.files.find((one) => one.path === wanted);
  if (file !== undefined) return file.sha256;
  if (wanted !== "" && !manifest.directories.includes(wanted)) return undefined;
  const prefix = wanted === "" ? "" : `${wanted}/`;
  const below = (name: string): boolean => name.startsWith(prefix);
  return sha256(
    [
      ...manifest.directories.filter(below).map((name) => `directory ${name.slice(prefix.length)}`),
      ...manifest.files
        .filter(({ path: name }) => below(name))
        .map((one) => `${one.mode.toString(8)} ${one.sha256} ${one.path.slice(prefix.length)}`),
    ].join("\0"),
  );
}

/** The path as the manifest writes it, `""` for the release itself; undefined when it leads outside. */
export function insidePath(path: string): string | undefined {
  if (isAbsolute(path)) return undefined;
  const inside = normalize(path).replace(/\/+$/, "");
  if (inside === "..") return undefined;
  if (inside.startsWith("../")) return undefined;
  return inside === "." ? "" : inside;
}

export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function withParents(path: string): string[] {
  return path === "" ? [] : [path, ...withParents(parentOf(path))];
}
