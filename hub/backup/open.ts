// Opens a backup: unpacks it beside where it is to be, and holds it against its own manifest.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import { examineCopy } from "#hub/store/copy.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";
import { digestOf } from "./digest.ts";
import { backedUp, Manifest, ManifestForm, manifestName, manifestVersion } from "./manifest.ts";

/** Unpacks into an empty directory, which the caller removes when this throws.
 *  @throws FleetError request_invalid when the file is not a whole, undamaged backup; state_conflict when it is one
 *  of a later form; not_found */
export async function openBackup(file: string, directory: string): Promise<Manifest> {
  await unpack(file, directory);
  const manifest = await readManifest(file, directory);
  for (const { name, bytes, sha256 } of manifest.files) {
    const found = await digestOf(join(directory, name)).catch(() => undefined);
    if (found === undefined) throw spoilt(file, `${name} is missing in it`);
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw spoilt(file, `${name} is not whole`);
  }
  if (!manifest.files.some(({ name }) => name === "hub.db"))
    throw spoilt(file, "it has no database");
  const examined = await examineCopy(join(directory, "hub.db"));
  if (typeof examined === "string") throw spoilt(file, examined);
  return manifest;
}

const known: ReadonlySet<string> = new Set([manifestName, ...backedUp]);

async function unpack(file: string, directory: string): Promise<void> {
  try {
    await extract({
      ...{ file, cwd: directory, strict: true, noMtime: true, preserveOwner: false },
      filter: (path, entry) => known.has(path) && "type" in entry && entry.type === "File",
    });
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") {
      const message = `there is no file ${file}`;
      throw new FleetError("not_found", { message, subject: file, cause });
    }
    throw spoilt(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

async function readManifest(file: string, directory: string): Promise<Manifest> {
  try {
    const written: unknown = JSON.parse(await readFile(join(directory, manifestName), "utf8"));
    const { version, hubVersion } = ManifestForm.parse(written);
    if (version > manifestVersion) throw ofLaterForm(file, version, hubVersion);
    return Manifest.parse(written);
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw spoilt(file, "it has no manifest that can be read", cause);
  }
}

function ofLaterForm(file: string, version: number, hubVersion: string): FleetError {
  return new FleetError("state_conflict", {
    message: `${file} was made by hub ${hubVersion} in form ${version} of backups; this one reads form ${manifestVersion}`,
    hint: "Restore it with that version or a newer one.",
    subject: file,
  });
}

function spoilt(file: string, why: string, cause?: unknown): FleetError {
  return new FleetError("request_invalid", {
    message: `${file} is no whole backup of a hub: ${why}`,
    hint: "Take another backup; this one cannot be trusted.",
    subject: file,
    ...(cause === undefined ? {} : { cause }),
  });
}
