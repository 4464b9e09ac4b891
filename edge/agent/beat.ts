// Builds the heartbeat: what the loop has seen last, and how the machine is.
import type { Beat } from "#shared/beat.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { AgentParts } from "./parts.ts";

interface Parts {
  parts: Pick<AgentParts, "journal" | "clock" | "settings">;
  /** Of this process; undefined before its first round has ended. */
  readonly latest: () => ReportedState | undefined;
  readonly host: () => Beat["host"];
}

export function createBeats({ parts, latest, host }: Parts): () => Beat {
  const { journal, clock } = parts;
  // Asked once: what comes in before the first round has ended, that round may not have seen.
  const before = seenBefore(journal.desired());
  return () => {
    const reported = latest();
    const health = host();
    return {
      bootId: journal.bootId,
      ...(reported === undefined ? before : seenBy(reported)),
      at: clock.now(),
      monotonicMs: clock.monotonicMs(),
      heartbeatMs: parts.settings().heartbeatMs,
      ...(health === undefined ? {} : { host: health }),
    };
  };
}

type Seen = Pick<Beat, "generation" | "specHash">;

function seenBy({ observedGeneration, specHash: hash }: ReportedState): Seen {
  return { generation: observedGeneration, specHash: hash };
}

/** What an earlier process has seen is seen. */
function seenBefore(desired: DesiredState | undefined): Seen {
  if (desired === undefined) return { generation: 0, specHash: "" };
  return { generation: desired.generation, specHash: specHash(desired) };
}
