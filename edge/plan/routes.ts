// Says which copies each forwarded port of an app leads to: those of the release that serves.
import { everyAddress, type Route } from "#edge/runtime/forward/table.ts";
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import { forwardedPorts, isHandedOver } from "#shared/compose/model.ts";
import { preparing } from "./attempt.ts";
import type { AppInput } from "./input.ts";

/** The app's part of the forwarder's table, from what is seen now and nothing that happened. Pure.
 *  @returns undefined when it cannot be told: what is forwarded stays as it is */
export function routesOf(input: AppInput): Route[] | undefined {
  if (input.blind) return undefined;
  if (input.target === undefined && input.attempt === undefined && input.mode === "run") return [];
  const release = carrier(input);
  if (release === "unread") return undefined;
  return Object.values(release?.services ?? {})
    .filter((service) => isForwarded(input, service))
    .flatMap((service) => routesOfService(input, service));
}

/** The release whose copies the clients reach: the old one until the new one has proved itself. */
function carrier(input: AppInput): ResolvedApp | "unread" | undefined {
  const { attempt, current, serving, before } = input;
  const inPlace = current === undefined ? undefined : (serving?.app ?? "unread");
  if (attempt === undefined || preparing.has(attempt.stage)) return inPlace;
  const proved = attempt.stage === "switch" || attempt.stage === "commit";
  if (proved && current === attempt.to) return inPlace;
  // A first release has nobody to wait for.
  if (attempt.from === undefined) return isGoingBack(input) ? undefined : inPlace;
  return current === attempt.from ? inPlace : (before ?? "unread");
}

function isGoingBack({ attempt }: AppInput): boolean {
  return attempt?.stage === "rollBack" || attempt?.stage === "restore";
}

/** A release on trial that publishes the port itself gets it as soon as the old copies are gone. */
function isForwarded(input: AppInput, { spec }: ResolvedService): boolean {
  if (!isHandedOver(spec) || spec.replicas === 0) return false;
  const next = input.serving?.app.services[spec.name];
  if (next !== undefined && isHandedOver(next.spec)) return true;
  return input.instances.some(({ service, backends }) => {
    return service === spec.name && backends !== undefined;
  });
}

function routesOfService(input: AppInput, service: ResolvedService): Route[] {
  const copies = copiesBehind(input, service);
  return forwardedPorts(service.spec).map(({ hostIp, published, target }) => ({
    app: input.app,
    host: hostIp ?? everyAddress,
    port: published,
    backends: copies.flatMap(({ backends }) => backends?.[target] ?? []),
  }));
}

/** The copies of this release; those that fail their healthcheck only where no other one is. Between
 *  updates the copies of another release are better than none. */
function copiesBehind(input: AppInput, service: ResolvedService): ObservedInstance[] {
  const { spec, configHash } = service;
  const running = input.instances
    .filter((one) => one.service === spec.name && one.state === "running")
    .toSorted((a, b) => a.index - b.index);
  const own = running.filter((one) => one.configHash === configHash && one.index <= spec.replicas);
  const fine = own.filter(({ health }) => health === "healthy" || health === "none");
  if (fine.length > 0) return fine;
  return own.length > 0 || input.attempt !== undefined ? own : running;
}
