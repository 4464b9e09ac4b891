// Creates and starts one copy of a service, or starts the stopped one that is already right.
import { join } from "node:path";
import type { ContainerDetail } from "#edge/runtime/docker/calls/api.ts";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { createBody, laterEndpoints } from "#edge/runtime/docker/create/body.ts";
import { endpointsOf } from "#edge/runtime/docker/create/endpoints.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { besideName, containerName, serviceOf } from "#edge/runtime/docker/create/names.ts";
import { refuseUnsupported } from "#edge/runtime/docker/create/unsupported.ts";
import { giveLockPlace, makeLockPlace } from "#edge/runtime/lock.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { makeTelemetryPlace } from "#edge/telemetry/place.ts";
import { type ComposeService, isHandedOver } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import { withKeptVolumes } from "./anonymous.ts";
import type { DockerContext } from "./context.ts";
import { profileReader } from "./files.ts";
import { runHooks } from "./hooks.ts";
import { restoreLimits } from "./limits.ts";
import { removeContainer, removeInstance } from "./remove.ts";
import { startFailed, startFault } from "./startfault.ts";
import { startImage } from "./startimage.ts";

/** @see the port, `start` */
export async function startInstance(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
): Promise<void> {
  const existing = await existingCopy(context, app, ref);
  if (existing === undefined) return createAndRun(context, app, ref);
  checkSame(context, app, ref, existing);
  if (existing.State.Status === "paused") return context.engine.unpauseContainer(existing.Id);
  if (existing.State.Running) return putRight(context, app, ref, existing);
  await context.files.write(app, ref);
  const unusable = ["dead", "removing"].includes(existing.State.Status);
  const started = !unusable && (await resume(context, app, ref, existing));
  if (started) return;
  await removeContainer(context, existing.Id);
  await createAndRun(context, app, ref);
}

/** What stands at the copy's place; of two that are handed over, the one with the right configuration. */
async function existingCopy(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
): Promise<ContainerDetail | undefined> {
  const { spec, configHash } = serviceOf(app, ref.service);
  const { engine, device } = context;
  if (!isHandedOver(spec)) {
    return engine.inspectContainer(containerName(app, ref.service, ref.index));
  }
  const [found] = await engine.listContainers([
    `${label.device}=${device}`,
    `${label.project}=${app.project}`,
    `${label.service}=${ref.service}`,
    `${label.number}=${ref.index}`,
    `${label.configHash}=${configHash}`,
  ]);
  return found === undefined ? undefined : engine.inspectContainer(found.Id);
}

/** The copy's own name; another one while the copy that it takes over from has that. The observer gives it
 *  its own afterwards, as docker compose does when it makes a container anew. */
async function freeName(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
): Promise<string> {
  const name = containerName(app, ref.service, ref.index);
  if (!isHandedOver(serviceOf(app, ref.service).spec)) return name;
  const holder = await context.engine.inspectContainer(name);
  if (holder === undefined) return name;
  if (holder.Config.Labels?.[label.device] !== context.device) throw nameTaken(name);
  return besideName(app, ref.service, ref.index);
}

async function createAndRun(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
): Promise<void> {
  const id = await create(context, app, ref);
  await run(context, app, ref, id);
}

/** @returns false when a network it was made for is gone, which no start can mend */
async function resume(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  existing: ContainerDetail,
): Promise<boolean> {
  try {
    await connectMissing(context, app, ref, existing);
    await run(context, app, ref, existing.Id);
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

function checkSame(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  existing: ContainerDetail,
): void {
  const labels = existing.Config.Labels ?? {};
  const ours = labels[label.device] === context.device;
  const same = labels[label.configHash] === serviceOf(app, ref.service).configHash;
  if (ours && same) return;
  const name = containerName(app, ref.service, ref.index);
  if (!ours) throw nameTaken(name);
  throw new FleetError("runtime_refused", {
    message: `container ${name} exists with another configuration`,
    hint: `Remove the container ${name}.`,
    subject: name,
  });
}

export function nameTaken(name: string): FleetError {
  return new FleetError("runtime_refused", {
    message: `container ${name} exists and does not belong to this device`,
    hint: `Remove or rename the container ${name}.`,
    subject: name,
  });
}

async function create(context: DockerContext, app: ResolvedApp, ref: InstanceRef): Promise<string> {
  const { spec } = serviceOf(app, ref.service);
  const name = await freeName(context, app, ref);
  const apiMinor = await context.engine.apiMinor();
  refuseUnsupported(ref.service, spec, apiMinor);
  const { image, named } = await startImage(context, app, ref.service);
  const body = createBody(app, ref, {
    device: context.device,
    apiMinor,
    image: named,
    imageId: image.Id,
    files: await context.files.write(app, ref),
    lockDirectory: await lockDirectory(context, app, spec),
    telemetryDirectory: await telemetryDirectory(context, app, spec),
    readProfile: profileReader(app, ref.service),
  });
  const id = await context.engine
    .createContainer(name, await withKeptVolumes(context, { app, ref, image }, body), spec.platform)
    .catch((error: unknown) => {
      throw startFailed(ref, error);
    });
  for (const [network, settings] of laterEndpoints(endpointsOf(app, ref), apiMinor)) {
    await context.engine.connectNetwork(network, id, settings);
  }
  return id;
}

/** Only a user by number can be given the directory: names are those of the image. */
async function lockDirectory(
  { runDirectory }: DockerContext,
  app: ResolvedApp,
  spec: ComposeService,
): Promise<string | undefined> {
  if (spec.fleet.updateLock !== true || runDirectory === undefined) return undefined;
  const lock = await makeLockPlace(runDirectory, app.app);
  const [, uid, gid = uid] = /^(\d+)(?::(\d+))?$/.exec(spec.user ?? "") ?? [];
  const owner = uid === undefined ? {} : { uid: Number(uid), gid: Number(gid) };
  if (lock !== undefined) await giveLockPlace(lock, owner);
  return join(runDirectory, app.app);
}

async function telemetryDirectory(
  { runDirectory }: DockerContext,
  app: ResolvedApp,
  { fleet }: ComposeService,
): Promise<string | undefined> {
  return fleet.telemetry === true ? makeTelemetryPlace(runDirectory, app.app) : undefined;
}

/** An agent that died between create and start may have left some networks out. */
async function connectMissing(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  existing: ContainerDetail,
): Promise<void> {
  const connected = existing.NetworkSettings.Networks ?? {};
  const missing = endpointsOf(app, ref).all.filter(([network]) => !(network in connected));
  for (const [network, settings] of missing) {
    await context.engine.connectNetwork(network, existing.Id, settings);
  }
}

/** What others have changed under a copy that runs; one that cannot be put right in place is made anew. */
async function putRight(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  existing: ContainerDetail,
): Promise<void> {
  if (await restoreLimits(context.engine, existing)) {
    return connectMissing(context, app, ref, existing);
  }
  await removeInstance(context, existing.Id);
  return createAndRun(context, app, ref);
}

/** A copy whose hook fails is stopped again, so that the next try runs the hook too. */
async function run(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  id: string,
): Promise<void> {
  const { spec } = serviceOf(app, ref.service);
  const name = containerName(app, ref.service, ref.index);
  await context.engine.startContainer(id, name).catch(async (error: unknown) => {
    throw await startFault(context, app, ref, id, error);
  });
  await runHooks(context, id, spec.postStart).catch(async (error: unknown) => {
    await context.engine.stopContainer(id, Math.ceil(spec.stopGraceMs / 1000));
    throw error;
  });
}
