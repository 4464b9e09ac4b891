// What things are called on the Engine, as docker compose v2 names them.
import type { ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import type { ComposeNetwork, ComposeVolume } from "#shared/compose/model.ts";
import { defaultNetwork } from "#shared/compose/normalise/networks.ts";
import { FleetError } from "#shared/errors.ts";

/** @throws FleetError internal when the app has no such service: the planner's fault */
export function serviceOf(app: ResolvedApp, name: string): ResolvedService {
  const service = app.services[name];
  if (service !== undefined) return service;
  throw new FleetError("internal", { message: `app ${app.app} has no service ${name}` });
}

export function containerName(app: ResolvedApp, service: string, index: number): string {
  return serviceOf(app, service).spec.containerName ?? `${app.project}-${service}-${index}`;
}

/** The name of a copy for as long as another one, which it takes over from, has the copy's own. */
export function besideName(app: ResolvedApp, service: string, index: number): string {
  const { configHash } = serviceOf(app, service);
  return `${configHash.slice(0, 12)}_${containerName(app, service, index)}`;
}

export function networkName(app: ResolvedApp, key: string): string {
  return app.compose.networks[key]?.name ?? `${app.project}_${key}`;
}

export function volumeName(app: ResolvedApp, key: string): string {
  return app.compose.volumes[key]?.name ?? `${app.project}_${key}`;
}

/** The definition of a network that a file may leave out, as it does with `default`. */
export function networkOf(app: ResolvedApp, key: string): ComposeNetwork {
  return app.compose.networks[key] ?? defaultNetwork;
}

export function volumeOf(app: ResolvedApp, key: string): ComposeVolume {
  return app.compose.volumes[key] ?? { external: false, driverOptions: {}, labels: {} };
}

/** `service:x` becomes the container of x's first copy; everything else stays as it is. */
export function namespaceOf(app: ResolvedApp, mode: string | undefined): string | undefined {
  if (mode?.startsWith("service:") !== true) return mode;
  return `container:${containerName(app, mode.slice("service:".length), 1)}`;
}

/** As `docker ps` shows it. */
export function nameOf(container: { Names: string[]; Id: string }): string {
  return container.Names[0]?.replace(/^\//, "") ?? container.Id.slice(0, 12);
}

/** Services that run on the Engine. */
export function dockerServices(app: ResolvedApp): ResolvedService[] {
  return Object.values(app.services).filter((service) => service.runtime === "docker");
}
