// The files that a copy needs on the host: configs and secrets to mount, and security profiles.
import { existsSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { HostFile } from "#edge/runtime/docker/create/mounts.ts";
import { containerName, serviceOf } from "#edge/runtime/docker/create/names.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { type FileMount, type FileObject, isHandedOver } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import { makeDirectory, syncDirectory, writeFileSynced } from "#shared/files.ts";

interface Wanted {
  kind: "config" | "secret";
  mount: FileMount;
  object: FileObject;
}

/** Layout: `<project>/<container>[.<configuration>]/<n>`, below a directory that only the agent's user may enter; the
 *  files themselves must be readable for the container's user, which may be any. */
export interface FileStore {
  /** Writes what is not a file of the release yet. @throws FleetError variable_missing, runtime_refused */
  write(app: ResolvedApp, ref: InstanceRef): Promise<HostFile[]>;
  /** The copy is gone, and its files with it. */
  drop(project: string, home: string): Promise<void>;
  dropProject(project: string): Promise<void>;
}

export function createFileStore(directory: string): FileStore {
  return {
    write: async (app, ref) => {
      const home = join(directory, app.project, homeOf(app, ref));
      const files: HostFile[] = [];
      for (const [position, wanted] of wantedFiles(app, ref.service).entries()) {
        files.push(await hostFile(app, wanted, home, position));
      }
      return files;
    },
    drop: (project, home) => rm(join(directory, project, home), { recursive: true, force: true }),
    dropProject: (project) => rm(join(directory, project), { recursive: true, force: true }),
  };

  async function hostFile(
    app: ResolvedApp,
    wanted: Wanted,
    home: string,
    position: number,
  ): Promise<HostFile> {
    const { mount, object } = wanted;
    if (object.file !== undefined) {
      return { source: resolve(app.directory, object.file), target: mount.target };
    }
    const text = textOf(app, wanted);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await makeDirectory(home);
    const source = join(home, String(position));
    await writeOwned(source, text, mount);
    return { source, target: mount.target };
  }
}

/** Named as `filesName` names it from the labels of the running copy. */
function homeOf(app: ResolvedApp, { service, index }: InstanceRef): string {
  const name = containerName(app, service, index);
  const { spec, configHash } = serviceOf(app, service);
  return isHandedOver(spec) ? `${name}.${configHash.slice(0, 12)}` : name;
}

/** What the service mounts, whatever its source. @throws FleetError runtime_refused */
function wantedFiles(app: ResolvedApp, service: string): Wanted[] {
  const { spec } = serviceOf(app, service);
  const find =
    (kind: Wanted["kind"], objects: Record<string, FileObject>) => (mount: FileMount) => {
      const object = objects[mount.source];
      if (object !== undefined) return { kind, mount, object };
      throw new FleetError("runtime_refused", {
        message: `service ${service} mounts the ${kind} ${mount.source}, which the file does not define`,
      });
    };
  return [
    ...spec.configs.map(find("config", app.compose.configs)),
    ...spec.secrets.map(find("secret", app.compose.secrets)),
  ];
}

/** Every file and value that the service mounts is there.
 *  @throws FleetError variable_missing, runtime_refused */
export function checkFiles(app: ResolvedApp, service: string): void {
  for (const wanted of wantedFiles(app, service)) {
    const { file } = wanted.object;
    if (file === undefined) textOf(app, wanted);
    else if (!existsSync(resolve(app.directory, file))) throw fileMissing(service, file);
  }
}

/** The text of a seccomp profile, which the Engine takes in place of its path.
 *  @throws FleetError runtime_refused */
export function profileReader(app: ResolvedApp, service: string): (path: string) => string {
  return (path) => {
    const file = resolve(app.directory, path);
    if (!existsSync(file)) throw fileMissing(service, path);
    return readFileSync(file, "utf8");
  };
}

function fileMissing(service: string, file: string): FleetError {
  return new FleetError("runtime_refused", {
    message: `service ${service} needs the file ${file}, which the release does not contain`,
    hint: "Add the file to the role.",
    subject: file,
  });
}

function textOf(app: ResolvedApp, { kind, mount, object }: Wanted): string {
  if (object.content !== undefined) return object.content;
  const value = object.environment === undefined ? undefined : app.values[object.environment];
  if (value !== undefined) return value;
  throw new FleetError("variable_missing", {
    message: `the ${kind} ${mount.source} of app ${app.app} comes from the value ${object.environment ?? "?"}, which is not set`,
    hint: "Set the value for this device in the fleet repository.",
  });
}

/** Compose's default for files that the Engine cannot own differently. */
const readableByAll = 0o444;

/** By rename: a container that still has the old file mounted keeps it. On the disk before the container
 *  is: after a power cut the Engine starts it without asking. */
async function writeOwned(path: string, text: string, mount: FileMount): Promise<void> {
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  await writeFileSynced(fresh, text, 0o600);
  if (mount.uid !== undefined || mount.gid !== undefined) await own(fresh, mount);
  await chmod(fresh, mount.mode ?? readableByAll);
  await rename(fresh, path);
  await syncDirectory(dirname(path));
}

async function own(path: string, mount: FileMount): Promise<void> {
  const { uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0 } = mount;
  await chown(path, Number(uid), Number(gid)).catch((cause: unknown) => {
    throw new FleetError("runtime_refused", {
      message: `${mount.target} cannot be given to user ${uid}, group ${gid}`,
      hint: "Run the agent as root, or leave uid and gid out.",
      cause,
    });
  });
}
