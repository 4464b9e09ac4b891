// Lays the configs and secrets of a service out as files, since nothing can be mounted for a process.
//
// They lie in a directory of their own per configuration, under their target path, and the process finds
// that directory in METRICA_FLEET_FILES.
import { existsSync } from "node:fs";
import { chown, mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { ComposeService, FileMount, FileObject } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import { syncDirectory, writeFileSynced } from "#shared/files.ts";

interface LaidFile {
  mount: FileMount;
  object: FileObject;
}

export function hasFiles(service: ComposeService): boolean {
  return service.configs.length + service.secrets.length > 0;
}

/** Nothing happens when the directory is there: its name says what it holds, and copies read it.
 *  @throws FleetError runtime_refused when a value that a file comes from is not set */
export async function layFiles(
  app: ResolvedApp,
  service: ComposeService,
  directory: string,
): Promise<void> {
  if (existsSync(directory)) return;
  const draft = `${directory}.draft`;
  await rm(draft, { recursive: true, force: true });
  for (const file of filesOf(app, service)) {
    const path = join(draft, posix.resolve("/", file.mount.target));
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    await layFile(app, file, path);
  }
  await syncDirectories(draft);
  await rename(draft, directory);
  await syncDirectory(dirname(directory));
}

/** A power cut after the rename would otherwise leave files that are there and empty. */
async function syncDirectories(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncDirectories(join(directory, entry.name));
  }
  await syncDirectory(directory);
}

function filesOf(app: ResolvedApp, service: ComposeService): LaidFile[] {
  const pick = (mounts: readonly FileMount[], objects: Record<string, FileObject>) =>
    mounts.flatMap((mount) => {
      const object = objects[mount.source];
      return object === undefined ? [] : [{ mount, object }];
    });
  return [
    ...pick(service.configs, app.compose.configs),
    ...pick(service.secrets, app.compose.secrets),
  ];
}

/** A file of the release is linked, not copied: it never changes. */
async function layFile(app: ResolvedApp, { mount, object }: LaidFile, path: string): Promise<void> {
  if (object.file !== undefined) return symlink(resolve(app.directory, object.file), path);
  await writeFileSynced(path, contentOf(app, mount, object), mount.mode ?? 0o600);
  if (mount.uid !== undefined && process.getuid?.() === 0) {
    await chown(path, Number(mount.uid), Number(mount.gid ?? mount.uid));
  }
}

function contentOf(app: ResolvedApp, mount: FileMount, object: FileObject): string {
  const content = object.content ?? app.values[object.environment ?? ""];
  if (content !== undefined) return content;
  throw new FleetError("runtime_refused", {
    subject: mount.source,
    message: `The content of ${mount.source} comes from ${object.environment ?? "outside"}, which is not set.`,
    hint: "Set that value for the device, the site or the role.",
  });
}
