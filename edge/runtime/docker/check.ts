// Finds what would stop an app from starting, before anything of the serving one is stopped.
import { access } from "node:fs/promises";
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { bindSource } from "#edge/runtime/docker/create/mounts.ts";
import {
  containerName,
  dockerServices,
  nameOf,
  networkOf,
} from "#edge/runtime/docker/create/names.ts";
import { securityOf } from "#edge/runtime/docker/create/security.ts";
import { refuseUnsupported } from "#edge/runtime/docker/create/unsupported.ts";
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import { forwardedPorts } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import type { DockerContext } from "./context.ts";
import { checkFiles, profileReader } from "./files.ts";
import {
  choosePort,
  type HostPort,
  holderOf,
  isBound,
  isSame,
  otherProgram,
  type WantedPort,
  wantedForwards,
  wantedPorts,
} from "./ports.ts";
import { checkStores } from "./prepare.ts";
import { imageMissing } from "./reference.ts";
import { nameTaken } from "./start.ts";

/** @see the port, `check` */
export async function checkApp(
  context: DockerContext,
  app: ResolvedApp,
  serving: readonly ObservedInstance[],
): Promise<void> {
  for (const service of dockerServices(app)) await checkService(context, app, service);
  await checkStores(context, app);
  await checkPorts(context, app, serving);
}

async function checkService(
  context: DockerContext,
  app: ResolvedApp,
  service: ResolvedService,
): Promise<void> {
  const { spec } = service;
  refuseUnsupported(spec.name, spec, await context.engine.apiMinor());
  refuseUnreachable(app, service);
  const image = spec.image ?? "";
  if ((await context.engine.inspectImage(image)) === undefined) throw imageMissing(image);
  checkFiles(app, spec.name);
  securityOf(spec, profileReader(app, spec.name));
  for (const mount of spec.mounts) {
    if (mount.type !== "bind" || mount.createHostPath) continue;
    await checkBind(spec.name, bindSource(app, mount));
  }
}

async function checkBind(service: string, source: string): Promise<void> {
  await access(source).catch((cause: NodeJS.ErrnoException) => {
    // A directory above that this agent may not enter says nothing about the path.
    if (cause.code !== "ENOENT") return;
    throw new FleetError("runtime_refused", {
      message: `service ${service} mounts ${source}, which does not exist on this device`,
      hint: "Create it, or allow create_host_path.",
      subject: source,
      cause,
    });
  });
}

async function checkPorts(
  context: DockerContext,
  app: ResolvedApp,
  serving: readonly ObservedInstance[],
): Promise<void> {
  const [own, others] = split(context, app, serving, await context.engine.listContainers([]));
  refuseTakenNames(app, others);
  const wanted = dockerServices(app).flatMap(({ spec }) => wantedByCopies(spec.name, spec));
  const given: (HostPort & { service: string })[] = [];
  // The range that ends first chooses first: this way all get a port wherever that is possible at all.
  for (const one of wanted.toSorted((a, b) => a.last - b.last)) {
    const port = await choosePort(one, async (candidate) => {
      const twin = given.find((other) => isSame(candidate, other));
      if (twin !== undefined) return `service ${twin.service} of the same app`;
      const holder = holderOf(candidate, others);
      if (holder !== undefined) return `container ${nameOf(holder)}`;
      const forwardedFor = await context.holder({ host: candidate.hostIp, port: candidate.port });
      if (forwardedFor !== undefined && candidate.protocol === "tcp") {
        return forwardedFor === app.app ? undefined : `app ${forwardedFor} of this device`;
      }
      const isOurs = holderOf(candidate, own) !== undefined || maybeOurProcess(serving);
      return !isOurs && (await isBound(candidate)) ? otherProgram : undefined;
    });
    if (port instanceof FleetError) throw port;
    given.push({ ...port, service: one.service });
  }
}

/** Each further copy asks for the same ports once more, but not for those that the device forwards. */
function wantedByCopies(name: string, spec: ResolvedService["spec"]): WantedPort[] {
  const byEach = Array.from({ length: spec.replicas }, () => wantedPorts(name, spec)).flat();
  return spec.replicas === 0 ? [] : [...byEach, ...wantedForwards(name, spec)];
}

/** A container that is not ours and has the name of one of our copies. @throws FleetError runtime_refused */
function refuseTakenNames(app: ResolvedApp, others: readonly ContainerSummary[]): void {
  const taken = new Set(others.flatMap(({ Names }) => Names.map((name) => name.slice(1))));
  for (const { spec } of dockerServices(app)) {
    for (let index = 1; index <= spec.replicas; index += 1) {
      const name = containerName(app, spec.name, index);
      if (taken.has(name)) throw nameTaken(name);
    }
  }
}

/** The Engine reaches a container of these by other ways than a bridge of this device. */
const unreachable = new Set(["macvlan", "ipvlan", "overlay", "none"]);

function refuseUnreachable(app: ResolvedApp, { spec }: ResolvedService): void {
  if (forwardedPorts(spec).length === 0 || spec.networkMode === "bridge") return;
  const keys = Object.keys(spec.networks);
  if (keys.some((key) => !unreachable.has(networkOf(app, key).driver ?? "bridge"))) return;
  throw new FleetError("runtime_refused", {
    message: `service ${spec.name} is handed over and publishes ports, but is on no bridge network that this device could forward to`,
    hint: "Attach it to a bridge network, or drop x-fleet.update from the service.",
    subject: spec.name,
  });
}

function split(
  context: DockerContext,
  app: ResolvedApp,
  serving: readonly ObservedInstance[],
  containers: ContainerSummary[],
): [own: ContainerSummary[], others: ContainerSummary[]] {
  const ids = new Set(serving.map((instance) => instance.id));
  const isOwn = ({ Id, Labels }: ContainerSummary): boolean =>
    ids.has(Id) ||
    (Labels[label.device] === context.device && Labels[label.project] === app.project);
  return [containers.filter(isOwn), containers.filter((container) => !isOwn(container))];
}

/** A service that moves here from the process runtime may hold its own port until the swap. */
function maybeOurProcess(serving: readonly ObservedInstance[]): boolean {
  return serving.some((instance) => instance.runtime === "process");
}
