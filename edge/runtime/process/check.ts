// What can be found out about an app's processes before anything is stopped for them.
import type { PortHolder } from "#edge/runtime/forward/forwarder.ts";
import { everyAddress } from "#edge/runtime/forward/table.ts";
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import { type ForwardedPort, forwardedPorts } from "#shared/compose/model.ts";
import type { Copies } from "./copies.ts";
import { type HostPort, hostPorts, type Launch, type Places, resolveLaunch } from "./launch.ts";
import { checkPorts, portTaken, type WantedPort } from "./ports.ts";
import { unenforcedKeys } from "./unenforced.ts";

export function processServices(app: ResolvedApp): ResolvedService[] {
  return Object.values(app.services).filter((service) => service.runtime === "process");
}

/** @throws FleetError command_missing, port_taken, runtime_refused */
export async function checkApp(
  app: ResolvedApp,
  serving: readonly ObservedInstance[],
  context: {
    copies: Copies;
    placesOf: (service: ResolvedService) => Places;
    warn: (message: string) => void;
    holder: PortHolder;
  },
): Promise<void> {
  const services = processServices(app);
  for (const service of services) {
    resolveLaunch(app, service.spec, 1, context.placesOf(service));
    const keys = unenforcedKeys(service.spec);
    if (keys.length > 0) {
      context.warn(
        `${app.app}/${service.spec.name}: not enforced for a process: ${keys.join(", ")}.`,
      );
    }
  }
  const wanted = services.flatMap(({ spec }) =>
    [...hostPorts(spec), ...forwardedPorts(spec).map(hostSide)].map((port) => ({
      ...port,
      service: spec.name,
    })),
  );
  const held = serving.flatMap((copy) => heldPorts(copy, app, context.copies));
  await checkPorts(wanted, [...held, ...(await forwardedFor(app, wanted, context.holder))]);
}

/** Ports that the device's forwarder holds for this app already.
 *  @throws FleetError port_taken where it holds one for another app */
async function forwardedFor(
  app: ResolvedApp,
  wanted: readonly WantedPort[],
  holder: PortHolder,
): Promise<HostPort[]> {
  const held: HostPort[] = [];
  for (const port of wanted) {
    if (port.protocol !== "tcp") continue;
    const by = await holder({ host: port.hostIp ?? everyAddress, port: port.port });
    if (by === app.app) held.push(port);
    else if (by !== undefined) throw portTaken(port, `app ${by} of this device publishes it`);
  }
  return held;
}

function hostSide({ published, hostIp, protocol }: ForwardedPort): HostPort {
  return { port: published, protocol, ...(hostIp === undefined ? {} : { hostIp }) };
}

/** Ports of a copy that serves now. Of a container only its service is known: it moves to this runtime,
 *  most likely with its ports. */
function heldPorts(copy: ObservedInstance, app: ResolvedApp, copies: Copies): Launch["ports"] {
  const own = copy.runtime === "process" ? copies.find(copy) : undefined;
  if (own !== undefined) return own.record.launch.ports;
  const spec = copy.runtime === "docker" ? app.services[copy.service]?.spec : undefined;
  return spec === undefined ? [] : hostPorts(spec);
}
