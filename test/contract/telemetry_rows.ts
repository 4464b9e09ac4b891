// Digests of workloads for tests.
import { AppName } from "#shared/ids.ts";
import { type AppWorkloads, noWorkloads, type TelemetryDigest } from "#shared/telemetry.ts";

/** @param counts per state, and `low_battery`; the total follows */
export function saying(app: string, counts: Partial<AppWorkloads>): AppWorkloads {
  const given = { ...noWorkloads(), ...counts, app: AppName.parse(app) };
  const { operational, degraded, down, unknown } = given;
  return { ...given, total: operational + degraded + down + unknown };
}

export function digestWith(...apps: AppWorkloads[]): TelemetryDigest {
  return { apps, workloads: [], omitted: 0 };
}
