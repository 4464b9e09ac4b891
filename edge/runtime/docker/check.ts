// Finds what would stop an app from starting, before anything of the serving one is stopped.
import { access } from "node:fs/promises";
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import { bindSource } from "#edge/runtime/docker/create/mounts.ts";
import { dockerServices, nameOf } from "#edge/runtime/docker/create/names.ts";
import { securityOf } from "#edge/runtime/docker/create/security.ts";
import { refuseUnsupported } from "#edge/runtime/docker/create/unsupported.ts";
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
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
  wantedPorts,
} from "./ports.ts";
import { checkStores } from "./prepare.ts";
import { imageMissing } from "./reference.ts";

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
  { spec }: ResolvedService,
): Promise<void> {
  refuseUnsupported(spec.name, spec, await context.engine.apiMinor());
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
  const wanted = dockerServices(app).flatMap(({ spec }) => wantedByCopies(spec.name, spec));
  if (wanted.length === 0) return;
  const [own, others] = split(context, app, serving, await context.engine.listContainers([]));
  const given: (HostPort & { service: string })[] = [];
  // The range that ends first chooses first: this way all get a port wherever that is possible at all.
  for (const one of wanted.toSorted((a, b) => a.last - b.last)) {
    const port = await choosePort(one, async (candidate) => {
      const twin = given.find((other) => isSame(candidate, other));
      if (twin !== undefined) return `service ${twin.service} of the same app`;
      const holder = holderOf(candidate, others);
      if (holder !== undefined) return `container ${nameOf(holder)}`;
      const isOurs = holderOf(candidate, own) !== undefined || maybeOurProcess(serving);
      return !isOurs && (await isBound(candidate)) ? otherProgram : undefined;
    });
    if (port instanceof FleetError) throw port;
    given.push({ ...port, service: one.service });
  }
}

/** Each further copy asks for the same ports once more. */
function wantedByCopies(name: string, spec: ResolvedService["spec"]): WantedPort[] {
  return Array.from({ length: spec.replicas }, () => wantedPorts(name, spec)).flat();
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
