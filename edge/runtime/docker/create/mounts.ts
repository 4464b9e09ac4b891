// Maps binds, volumes, tmpfs and files to the Engine's mounts. Pure.
import { resolve } from "node:path";
import type { HostConfig, MountBody } from "#edge/runtime/docker/calls/api.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { telemetryTarget } from "#edge/telemetry/place.ts";
import type { ComposeService, Mount } from "#shared/compose/model.ts";
import { containerName, volumeName } from "./names.ts";

type Bind = Extract<Mount, { type: "bind" }>;
type Tmpfs = Extract<Mount, { type: "tmpfs" }>;

/** A config or secret as it lies on the host. */
export interface HostFile {
  source: string;
  target: string;
}

interface MountContext {
  files: readonly HostFile[];
  lockDirectory?: string | undefined;
  telemetryDirectory?: string | undefined;
}

/** Where a container finds the directory of its app's update lock. The short form of a bind: a reboot takes
 *  the directory away, and the Engine makes it again. */
export const lockTarget = "/run/fleet";

export function mountsOf(
  app: ResolvedApp,
  spec: ComposeService,
  { files, lockDirectory, telemetryDirectory }: MountContext,
): HostConfig {
  const binds = spec.mounts.filter((mount) => mount.type === "bind");
  const tmpfs = spec.mounts.filter((mount) => mount.type === "tmpfs");
  const legacyTmpfs = tmpfs.filter((mount) => mount.options !== undefined);
  return {
    Binds: [
      ...binds.filter(needsLegacyForm).map((bind) => legacyBind(app, bind)),
      ...(spec.fleet.updateLock === true && lockDirectory !== undefined
        ? [`${lockDirectory}:${lockTarget}:rw`]
        : []),
      ...(telemetryDirectory === undefined ? [] : [`${telemetryDirectory}:${telemetryTarget}:ro`]),
    ],
    Mounts: [
      ...binds.filter((bind) => !needsLegacyForm(bind)).map((bind) => bindMount(app, bind)),
      ...spec.mounts.filter((mount) => mount.type === "volume").map((v) => volumeMount(app, v)),
      ...tmpfs.filter((mount) => mount.options === undefined).map(tmpfsMount),
      ...files.map(fileMount),
    ],
    Tmpfs: Object.fromEntries(legacyTmpfs.map((mount) => [mount.target, tmpfsOptions(mount)])),
    VolumesFrom: spec.volumesFrom.map((from) => volumesFrom(app, from)),
  };
}

/** Relative sources start at the release directory. */
export function bindSource(app: ResolvedApp, bind: Bind): string {
  return resolve(app.directory, bind.source);
}

/** Only the short form has SELinux labels, and only with it does the Engine itself make a missing
 *  directory: it may where an agent that is not root may not. */
function needsLegacyForm(bind: Bind): boolean {
  return bind.selinux !== undefined || (bind.createHostPath && !bind.source.includes(":"));
}

function legacyBind(app: ResolvedApp, bind: Bind): string {
  const options = [bind.readOnly ? "ro" : "rw", bind.selinux, bind.propagation];
  const given = options.filter((option) => option !== undefined && option !== "");
  return `${bindSource(app, bind)}:${bind.target}:${given.join(",")}`;
}

function bindMount(app: ResolvedApp, bind: Bind): MountBody {
  return {
    Type: "bind",
    Source: bindSource(app, bind),
    Target: bind.target,
    ReadOnly: bind.readOnly,
    BindOptions: bind.propagation === undefined ? undefined : { Propagation: bind.propagation },
  };
}

function volumeMount(app: ResolvedApp, volume: Extract<Mount, { type: "volume" }>): MountBody {
  return {
    Type: "volume",
    Source: volume.source === undefined ? undefined : volumeName(app, volume.source),
    Target: volume.target,
    ReadOnly: volume.readOnly,
    VolumeOptions: { NoCopy: volume.noCopy, Subpath: volume.subpath },
  };
}

function tmpfsMount(tmpfs: Tmpfs): MountBody {
  return {
    Type: "tmpfs",
    Target: tmpfs.target,
    TmpfsOptions: { SizeBytes: tmpfs.sizeBytes, Mode: tmpfs.mode },
  };
}

function tmpfsOptions(tmpfs: Tmpfs): string {
  const size = tmpfs.sizeBytes === undefined ? [] : [`size=${tmpfs.sizeBytes}`];
  const mode = tmpfs.mode === undefined ? [] : [`mode=${tmpfs.mode.toString(8)}`];
  return [...size, ...mode, tmpfs.options].join(",");
}

function fileMount(file: HostFile): MountBody {
  return { Type: "bind", Source: file.source, Target: file.target, ReadOnly: true };
}

/** `web:ro` names the container of web's first copy; `container:x:ro` the container x. */
function volumesFrom(app: ResolvedApp, from: string): string {
  if (from.startsWith("container:")) return from.slice("container:".length);
  const [service = "", mode] = from.split(":");
  const container = containerName(app, service, 1);
  return mode === undefined ? container : `${container}:${mode}`;
}
