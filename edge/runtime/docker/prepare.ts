// Makes an app's networks and volumes where they are missing, and finds those that no longer fit.
import type { NetworkBody, NetworkDetail } from "#edge/runtime/docker/calls/api.ts";
import { unless } from "#edge/runtime/docker/calls/faults.ts";
import { definitionChanged, storeLabels } from "#edge/runtime/docker/create/labels.ts";
import {
  dockerServices,
  networkName,
  networkOf,
  volumeName,
  volumeOf,
} from "#edge/runtime/docker/create/names.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { ComposeNetwork, ComposeVolume } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import type { DockerContext } from "./context.ts";
import { hasVanished } from "./vanished.ts";

/** Networks are made before volumes; what exists is left. A network with another definition is made anew
 *  only while nothing is attached to it: unchanged services are never touched for its sake.
 *  @throws FleetError runtime_refused */
export async function prepareApp(context: DockerContext, app: ResolvedApp): Promise<void> {
  for (const key of usedNetworks(app)) await prepareNetwork(context, app, key);
  for (const key of usedVolumes(app)) await prepareVolume(context, app, key);
}

/** Before anything stops: external ones exist, and no definition changed under what runs or holds data.
 *  @throws FleetError runtime_refused */
export async function checkStores(context: DockerContext, app: ResolvedApp): Promise<void> {
  for (const key of usedNetworks(app)) await checkNetwork(context, app, key);
  for (const key of usedVolumes(app)) await checkVolume(context, app, key);
}

function usedNetworks(app: ResolvedApp): string[] {
  const attached = dockerServices(app)
    .filter(({ spec }) => spec.networkMode === undefined)
    .flatMap(({ spec }) => Object.keys(spec.networks));
  return [...new Set(attached)].sort();
}

export function usedVolumes(app: ResolvedApp): string[] {
  const mounts = dockerServices(app).flatMap(({ spec }) => spec.mounts);
  const keys = mounts.flatMap((mount) =>
    mount.type === "volume" && mount.source !== undefined ? [mount.source] : [],
  );
  return [...new Set(keys)].sort();
}

async function checkNetwork(
  context: DockerContext,
  app: ResolvedApp,
  key: string,
): Promise<NetworkDetail | undefined> {
  const name = networkName(app, key);
  const network = networkOf(app, key);
  const found = await context.engine.inspectNetwork(name);
  if (found === undefined && network.external) throw absent("network", name);
  if (found === undefined || network.external) return found;
  if (!definitionChanged(found.Labels, network)) return found;
  const attached = Object.values(found.Containers ?? {}).map((container) => container.Name);
  if (attached.length === 0) return found;
  throw new FleetError("runtime_refused", {
    message: `network ${name} has another definition and is in use by ${attached.sort().join(", ")}`,
    hint: "Give the changed network another key in the Compose file.",
    subject: name,
  });
}

async function prepareNetwork(
  context: DockerContext,
  app: ResolvedApp,
  key: string,
): Promise<void> {
  const network = networkOf(app, key);
  const found = await checkNetwork(context, app, key);
  if (found !== undefined) {
    if (network.external || !definitionChanged(found.Labels, network)) return;
    await context.engine.removeNetwork(found.Id);
  }
  // 409: another call has made it in the meantime.
  await unless(
    [409],
    context.engine.createNetwork(networkBody(context, app, key, network)),
    undefined,
  );
}

function networkBody(
  context: DockerContext,
  app: ResolvedApp,
  key: string,
  network: ComposeNetwork,
): NetworkBody {
  const { ipam } = network;
  return {
    Name: networkName(app, key),
    CheckDuplicate: true,
    Driver: network.driver,
    Options: network.driverOptions,
    Internal: network.internal,
    Attachable: network.attachable,
    EnableIPv6: network.enableIpv6,
    Labels: storeLabels(app, context.device, "network", key, network),
    IPAM: ipam === undefined ? undefined : ipamBody(ipam),
  };
}

function ipamBody(ipam: NonNullable<ComposeNetwork["ipam"]>): NetworkBody["IPAM"] {
  return {
    Driver: ipam.driver ?? "default",
    Options: ipam.options,
    Config: ipam.config.map((pool) => ({
      Subnet: pool.subnet,
      IPRange: pool.ipRange,
      Gateway: pool.gateway,
      AuxiliaryAddresses: pool.auxAddresses,
    })),
  };
}

/** @returns whether it is there */
async function checkVolume(
  context: DockerContext,
  app: ResolvedApp,
  key: string,
): Promise<boolean> {
  const name = volumeName(app, key);
  const volume: ComposeVolume = volumeOf(app, key);
  const found = await context.engine.inspectVolume(name);
  if (found === undefined && volume.external) throw absent("volume", name);
  if (found === undefined || volume.external) return found !== undefined;
  if (!definitionChanged(found.Labels, volume)) return true;
  throw new FleetError("runtime_refused", {
    message: `volume ${name} has another definition; it holds data and is not made anew`,
    hint: "Give the changed volume another key in the Compose file, and move the data.",
    subject: name,
  });
}

async function prepareVolume(context: DockerContext, app: ResolvedApp, key: string): Promise<void> {
  const volume = volumeOf(app, key);
  if ((await checkVolume(context, app, key)) && !(await dropVanished(context, app, key))) return;
  await context.engine.createVolume({
    Name: volumeName(app, key),
    Driver: volume.driver,
    DriverOpts: volume.driverOptions,
    Labels: storeLabels(app, context.device, "volume", key, volume),
  });
}

/** The Engine would start nothing on a volume whose directory is gone, and make none of that name anew.
 *  @returns whether it was dropped */
async function dropVanished(
  { engine }: DockerContext,
  app: ResolvedApp,
  key: string,
): Promise<boolean> {
  const name = volumeName(app, key);
  const found = volumeOf(app, key).external ? undefined : await engine.inspectVolume(name);
  if (found === undefined || !(await hasVanished(found))) return false;
  return (await engine.removeVolume(name)) === "gone";
}

function absent(kind: "network" | "volume", name: string): FleetError {
  return new FleetError("runtime_refused", {
    message: `the external ${kind} ${name} does not exist on this device`,
    hint: `Create it with "docker ${kind} create ${name}", or take "external" out of the Compose file.`,
    subject: name,
  });
}
