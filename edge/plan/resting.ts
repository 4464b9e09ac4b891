// An app that is installed but is not to run now: what it wants is nothing.
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { AppName } from "#shared/ids.ts";

/** The name under which the fleet's safe-mode stack is installed. */
export const safeStackName = "safe-mode" as AppName;

/** The same release with no copy of any service, so that it asks for no port either. Pure. */
export function withoutCopies(app: ResolvedApp): ResolvedApp {
  const services = Object.entries(app.services).map(([name, service]) => [
    name,
    { ...service, spec: { ...service.spec, replicas: 0, ports: [] } },
  ]);
  return { ...app, services: Object.fromEntries(services) };
}
