// Tells whether a probe's address is a published port of this device that leads elsewhere for now.
import { hostname, networkInterfaces } from "node:os";
import { type Backend, everyAddress, keyOf, type Route } from "#edge/runtime/forward/table.ts";

export function detourOf(place: Backend, detours: readonly Route[]): Route | undefined {
  const host = place.host.replace(/^\[|\]$/g, "");
  return detours.find((route) => {
    if (route.port !== place.port) return false;
    return route.host === host || (isEverywhere(route.host) && isThisDevice(host));
  });
}

/** `FLEET_BACKEND_<published port>`: host and port of the first copy, for a script that asks by itself. */
export function detourVariables(detours: readonly Route[]): Record<string, string> {
  return Object.fromEntries(
    detours.flatMap(({ port, backends: [first] }) =>
      first === undefined ? [] : [[`FLEET_BACKEND_${port}`, keyOf(first)]],
    ),
  );
}

function isEverywhere(host: string): boolean {
  return host === everyAddress || host === "0.0.0.0" || host === "::";
}

function isThisDevice(host: string): boolean {
  if (host === "localhost" || host === hostname() || isEverywhere(host)) return true;
  if (host.startsWith("127.")) return true;
  const own = Object.values(networkInterfaces()).flat();
  return own.some((one) => one?.address === host);
}
