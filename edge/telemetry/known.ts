// Which copies of services there are, so that nobody speaks for one that is not.
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import type { Copy } from "./samples.ts";

export interface Known {
  /** The apps as they were last observed. */
  learn(apps: readonly AppReport[]): void;
  apps(): AppName[];
  has(copy: Copy): boolean;
  /** @param instance as it stands in the address
   *  @throws FleetError not_found with what there is */
  check(app: AppName, service: string, instance: string): Copy;
}

export function createKnown(): Known {
  /** The highest number of each service's copies. */
  let highest = new Map<AppName, Map<string, number>>();
  const has = ({ app, service, instance }: Copy): boolean =>
    instance <= (highest.get(app)?.get(service) ?? 0);
  return {
    learn: (apps) => {
      highest = new Map(apps.map((app) => [app.name, copiesOf(app)]));
    },
    apps: () => [...highest.keys()],
    has,
    check: (app, service, instance) => {
      const copy = { app, service, instance: /^[1-9]\d{0,6}$/.test(instance) ? +instance : 0 };
      if (copy.instance > 0 && has(copy)) return copy;
      const there = [...(highest.get(app) ?? [])].map(([name, last]) => `${name} 1 to ${last}`);
      throw new FleetError("not_found", {
        message: `${app} has no copy ${instance} of a service ${service}; it has ${there.join(", ") || "none yet"}`,
        hint: "POST to the address in FLEET_TELEMETRY_URL.",
      });
    },
  };
}

/** A copy that is on its way out may still speak. */
function copiesOf({ services }: AppReport): Map<string, number> {
  return new Map(
    services.map(({ name, wanted, instances }) => [
      name,
      Math.max(wanted, ...instances.map(({ index }) => index)),
    ]),
  );
}
