// Puts the workloads' digest into a report, as far as the report has room for it.
import type { ReportedState } from "#shared/reported.ts";
import { wire } from "#shared/wire.ts";
import type { WorkloadTelemetry } from "./telemetry.ts";

/** For what the report may still gain on its way: times and the digest's own key. */
const spareBytes = 1024;

/** A report that is refused for its size would tell nothing at all. */
export function withTelemetry(
  reported: ReportedState,
  telemetry: Pick<WorkloadTelemetry, "digest"> | undefined,
): ReportedState {
  const digest = telemetry?.digest(() => roomBytes(reported));
  return digest === undefined ? reported : { ...reported, telemetry: digest };
}

function roomBytes(reported: ReportedState): number {
  return wire.reported.maxBytes - spareBytes - Buffer.byteLength(JSON.stringify(reported));
}
