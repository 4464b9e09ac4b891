// Refuses an app or a service that the device does not have, and says what there is instead.
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import type { LocalStatus } from "./status.ts";

/** @throws FleetError not_found */
export function expectApp({ apps }: LocalStatus, name: AppName): AppReport {
  const found = apps.find((app) => app.name === name);
  if (found !== undefined) return found;
  const names = apps.map((app) => app.name);
  throw missing(`no app ${name} on this device`, names);
}

/** @throws FleetError not_found */
export function expectService(status: LocalStatus, app: AppName, service: string): void {
  const names = expectApp(status, app).services.map(({ name }) => name);
  if (!names.includes(service)) throw missing(`no service ${service} in ${app}`, names);
}

function missing(what: string, there: readonly string[]): FleetError {
  const hint = there.length === 0 ? "There is none yet." : `There is: ${there.join(", ")}.`;
  return new FleetError("not_found", { message: `there is ${what}`, hint });
}
