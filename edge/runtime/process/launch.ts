// Everything that starting a copy takes, worked out from its Compose service once and kept on disk.
//
// There is no mount namespace: a container path means the host path behind the bind mount or volume
// that covers it. `working_dir` is mapped so; without it a process works in the release directory.
// Published ports are not forwarded: the process itself must listen on them. Of a service that is handed
// over they are: there it listens on 127.0.0.1 at FLEET_PORT_<container port>.
import { statSync } from "node:fs";
import { constants } from "node:os";
import { join, posix, resolve } from "node:path";
import { z } from "zod";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { telemetryEnvironment } from "#edge/telemetry/place.ts";
import {
  type ComposeService,
  isHandedOver,
  type LifecycleHook,
  type Mount,
} from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import { baseEnvironment } from "./environment.ts";
import { HealthRule, healthRule } from "./health.ts";
import { findProgram } from "./program.ts";
import { resolveUser } from "./user.ts";

const Hook = z.object({
  command: z.array(z.string()).min(1),
  directory: z.string(),
  environment: z.record(z.string(), z.string()),
  uid: z.number().exactOptional(),
  gid: z.number().exactOptional(),
});
export type Hook = z.infer<typeof Hook>;

const HostPort = z.object({
  port: z.number().int(),
  hostIp: z.string().exactOptional(),
  protocol: z.enum(["tcp", "udp", "sctp"]),
});
export type HostPort = z.infer<typeof HostPort>;

/** A port that the agent gave to one copy, for a container port that the device forwards to it. */
const OwnPort = z.object({ target: z.number().int(), port: z.number().int() });
export type OwnPort = z.infer<typeof OwnPort>;

export const Launch = z.object({
  /** The program's absolute path and its arguments. */
  command: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()),
  directory: z.string(),
  uid: z.number().int().exactOptional(),
  gid: z.number().int().exactOptional(),
  restart: z.object({
    name: z.enum(["no", "always", "on-failure", "unless-stopped"]),
    maxAttempts: z.number().int(),
  }),
  healthcheck: HealthRule.exactOptional(),
  /** Ports of the host that the process itself holds. */
  ports: z.array(HostPort),
  /** Present where the service is handed over. */
  own: z.array(OwnPort).exactOptional(),
  stopSignal: z.string(),
  stopGraceMs: z.number(),
  postStart: z.array(Hook),
  preStop: z.array(Hook),
});
export type Launch = z.infer<typeof Launch>;

/** Where the runtime keeps what a process cannot get mounted. */
export interface Places {
  /** Configs and secrets of the service, by their target; absent when it has none. */
  files?: string;
  /** The app's named volumes, one directory each. */
  volumes: string;
  /** The file whose existence holds the app's update. */
  lock?: string;
  /** The directory of the socket for the app's telemetry. */
  telemetry?: string;
}

/** @param own of a service that is handed over
 *  @throws FleetError command_missing, runtime_refused */
export function resolveLaunch(
  app: ResolvedApp,
  service: ComposeService,
  index: number,
  places: Places,
  own: readonly OwnPort[] = [],
): Launch {
  const { home, ...user } = resolveUser(service.user, service.name);
  const directory = mapDirectory(service.workingDir, service, app.directory, places);
  const environment = {
    ...baseEnvironment(home),
    ...service.environment,
    METRICA_FLEET_INDEX: String(index),
    METRICA_FLEET_VOLUMES: places.volumes,
    ...(places.files === undefined ? {} : { METRICA_FLEET_FILES: places.files }),
    ...(places.lock === undefined ? {} : { FLEET_LOCK: places.lock }),
    ...(places.telemetry === undefined
      ? {}
      : telemetryEnvironment(places.telemetry, { service: service.name, index })),
    ...Object.fromEntries(own.map(({ target, port }) => [`FLEET_PORT_${target}`, String(port)])),
  };
  const rule = healthRule(service.healthcheck);
  const hook = (each: LifecycleHook): Hook => ({
    command: each.command,
    directory: mapDirectory(each.workingDir ?? service.workingDir, service, app.directory, places),
    environment: { ...environment, ...each.environment },
    ...(each.user === undefined ? user : withoutHome(resolveUser(each.user, service.name))),
  });
  return {
    command: resolveCommand(service, directory, environment),
    environment,
    directory,
    ...user,
    restart: service.restart,
    ...(rule === undefined ? {} : { healthcheck: rule }),
    ports: hostPorts(service),
    ...(isHandedOver(service) ? { own: [...own] } : {}),
    stopSignal: resolveSignal(service),
    stopGraceMs: service.stopGraceMs,
    postStart: service.postStart.map(hook),
    preStop: service.preStop.map(hook),
  };
}

/** Not those of a range: nothing chooses among them for a process, which listens where it likes. */
export function hostPorts(service: ComposeService): HostPort[] {
  if (isHandedOver(service)) return [];
  return service.ports.flatMap(({ published, publishedEnd, hostIp, protocol }) =>
    published === undefined || publishedEnd !== undefined
      ? []
      : [{ port: published, protocol, ...(hostIp === undefined ? {} : { hostIp }) }],
  );
}

function withoutHome({ uid, gid }: { uid?: number; gid?: number }) {
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

function resolveCommand(
  service: ComposeService,
  directory: string,
  environment: Readonly<Record<string, string>>,
): string[] {
  const [name, ...rest] = service.fleet.command ?? [
    ...(service.entrypoint ?? []),
    ...(service.command ?? []),
  ];
  if (name === undefined || name === "") {
    throw new FleetError("command_missing", {
      subject: service.name,
      message: `Service ${service.name} says no command to run as a process.`,
      hint: "Give `x-fleet.command`, or `command`.",
    });
  }
  const program = findProgram(name, { path: environment["PATH"] ?? "", directory });
  if (program !== undefined) return [program, ...rest];
  throw new FleetError("command_missing", {
    subject: service.name,
    message: `Service ${service.name} wants the command ${name}, and there is no such program.`,
    hint: "Install it on the device, or put it into the role and name it as ./program.",
  });
}

/** @throws FleetError runtime_refused when there is no such directory on the host */
function mapDirectory(
  path: string | undefined,
  service: ComposeService,
  release: string,
  places: Places,
): string {
  if (path === undefined) return release;
  const directory = resolve(release, mapPath(path, service.mounts, places));
  // Volumes are made by prepare, and this is asked before.
  if (isWithin(directory, places.volumes)) return directory;
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return directory;
  throw new FleetError("runtime_refused", {
    subject: service.name,
    message: `Service ${service.name} wants to work in ${path}, and there is no directory ${directory}.`,
    hint: "Bind a directory of the role to that path, or drop `working_dir`.",
  });
}

/** The host's path for a container's, by the longest mount target that covers it. */
function mapPath(path: string, mounts: readonly Mount[], places: Places): string {
  const covering = mounts
    .filter((mount) => isWithin(path, mount.target))
    .sort((one, other) => other.target.length - one.target.length)[0];
  const source = covering === undefined ? undefined : sourceOf(covering, places);
  if (covering === undefined || source === undefined) return path;
  return join(source, posix.relative(covering.target, path));
}

function sourceOf(mount: Mount, places: Places): string | undefined {
  if (mount.type === "bind") return mount.source;
  if (mount.type === "tmpfs" || mount.source === undefined) return undefined;
  return join(places.volumes, mount.source, mount.subpath ?? "");
}

function isWithin(path: string, folder: string): boolean {
  const between = posix.relative(folder, path);
  return between !== ".." && !between.startsWith("../");
}

/** `SIGTERM`, `TERM` or a number. @throws FleetError runtime_refused */
function resolveSignal(service: ComposeService): string {
  const wanted = service.stopSignal ?? "SIGTERM";
  const known = Object.entries(constants.signals).find(
    ([name, number]) =>
      name === wanted || name === `SIG${wanted.toUpperCase()}` || String(number) === wanted,
  );
  if (known !== undefined) return known[0];
  throw new FleetError("runtime_refused", {
    subject: service.name,
    message: `Service ${service.name} wants the stop signal ${wanted}, which a process cannot be sent.`,
    hint: "Use a signal such as SIGTERM or SIGINT.",
  });
}
