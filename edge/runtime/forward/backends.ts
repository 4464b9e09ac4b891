// Finds where the copies of one release listen, behind the ports that the device forwards to them. Pure.
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { forwardedPorts } from "#shared/compose/model.ts";
import { everyAddress, type ForwardAnswer, keyOf, type Route } from "./table.ts";

/** One route for each forwarded port, to every copy of exactly this release. */
export function ownRoutes(release: ResolvedApp, instances: readonly ObservedInstance[]): Route[] {
  return Object.values(release.services).flatMap(({ spec, configHash, runtime }) => {
    const own = instances.filter(
      (one) =>
        one.app === release.app &&
        one.service === spec.name &&
        one.configHash === configHash &&
        one.runtime === runtime,
    );
    return forwardedPorts(spec).map(({ hostIp, published, target }) => ({
      app: release.app,
      host: hostIp ?? everyAddress,
      port: published,
      backends: own.flatMap(({ backends }) => backends?.[target] ?? []),
    }));
  });
}

/** The routes that a client would not be led by now: their ports lead elsewhere, or nowhere. Pure. */
export function detours(own: readonly Route[], answer: ForwardAnswer | undefined): Route[] {
  const table = answer?.routes ?? [];
  return own.filter((route) => {
    const key = keyOf(route);
    const there = table.find((one) => keyOf(one) === key && one.app === route.app);
    const isHeld = there !== undefined && answer?.refused[key] === undefined;
    const mine = new Set(route.backends.map(keyOf));
    const leads =
      isHeld && there.backends.length > 0 && there.backends.every((b) => mine.has(keyOf(b)));
    return !leads;
  });
}
