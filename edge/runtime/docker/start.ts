// Creates and starts one copy of a service, or starts the stopped one that is already right.
import type { ContainerDetail, ImageDetail } from "#edge/runtime/docker/calls/api.ts";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { createBody, laterEndpoints } from "#edge/runtime/docker/create/body.ts";
import { endpointsOf } from "#edge/runtime/docker/create/endpoints.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { containerName, serviceOf } from "#edge/runtime/docker/create/names.ts";
import { refuseUnsupported } from "#edge/runtime/docker/create/unsupported.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { DockerContext } from "./context.ts";
import { profileReader } from "./files.ts";
import { runHooks } from "./hooks.ts";
import { imageMissing } from "./reference.ts";
import { removeContainer } from "./remove.ts";
import { startFailed, startFault } from "./startfault.ts";

/** @see the port, `start` */
export async function startInstance(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
): Promise<void> {
  const name = containerName(app, ref.service, ref.index);
  const existing = await context.engine.inspectContainer(name);
  if (existing === undefined) return createAndRun(context, app, ref);
  checkSame(context, app, ref, existing);
  if (existing.State.Status === "paused") return context.engine.unpauseContainer(existing.Id);
  if (existing.State.Running) return;
  await context.files.write(app, ref);
  const unusable = ["dead", "removing"].includes(existing.State.Status);
  const started = !unusable && (await resume(context, app, ref, existing));
  if (started) return;
  await removeContainer(context, existing.Id);
  await createAndRun(context, app, ref);
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
  throw new FleetError("runtime_refused", {
    message: ours
      ? `container ${name} exists with another configuration`
      : `container ${name} exists and does not belong to this device`,
    hint: `Remove the container ${name}.`,
    subject: name,
  });
}

async function create(context: DockerContext, app: ResolvedApp, ref: InstanceRef): Promise<string> {
  const { spec } = serviceOf(app, ref.service);
  const name = containerName(app, ref.service, ref.index);
  const apiMinor = await context.engine.apiMinor();
  refuseUnsupported(ref.service, spec, apiMinor);
  const image = await localImage(context, spec.image ?? "");
  const body = createBody(app, ref, {
    device: context.device,
    apiMinor,
    image: spec.image ?? "",
    imageId: image.Id,
    files: await context.files.write(app, ref),
    readProfile: profileReader(app, ref.service),
  });
  const id = await context.engine
    .createContainer(name, body, spec.platform)
    .catch((error: unknown) => {
      throw startFailed(ref, error);
    });
  for (const [network, settings] of laterEndpoints(endpointsOf(app, ref), apiMinor)) {
    await context.engine.connectNetwork(network, id, settings);
  }
  return id;
}

async function localImage(context: DockerContext, image: string): Promise<ImageDetail> {
  const found = await context.engine.inspectImage(image);
  if (found === undefined) throw imageMissing(image);
  return found;
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
