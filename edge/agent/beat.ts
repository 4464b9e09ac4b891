// The heartbeat: what the device says of itself in short, from the latest report and the host's health.
import type { Beat, HostHealth } from "#shared/beat.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { AgentParts } from "./parts.ts";

/** @param latest absent until this process has looked for itself */
export function beatNow(
  { journal, clock, settings }: Pick<AgentParts, "journal" | "clock" | "settings">,
  latest: ReportedState | undefined,
  host: HostHealth | undefined,
): Beat {
  return {
    bootId: journal.bootId,
    ...(latest === undefined ? observedBefore(journal.desired()) : observedBy(latest)),
    at: clock.now(),
    monotonicMs: clock.monotonicMs(),
    heartbeatMs: settings().heartbeatMs,
    ...(host === undefined ? {} : { host }),
  };
}

type Observed = Pick<Beat, "generation" | "specHash">;

function observedBy({ observedGeneration, specHash: hash }: ReportedState): Observed {
  return { generation: observedGeneration, specHash: hash };
}

/** What an earlier process has seen is seen. */
function observedBefore(desired: DesiredState | undefined): Observed {
  if (desired === undefined) return { generation: 0, specHash: "" };
  return { generation: desired.generation, specHash: specHash(desired) };
}
