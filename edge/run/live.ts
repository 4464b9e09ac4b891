// The output of the latest run for those who follow it live; the journal has it whole.
import { createLineRing, type LineRing } from "#edge/logs/ring.ts";
import type { OpenRunOutput } from "#edge/logs/sources.ts";
import { maxLog, type RunId, type RunLogBody } from "#shared/run.ts";

export interface RunLive {
  /** @param at Unix ms */
  write(body: RunLogBody, at: number): void;
  /** The run is over: who follows it comes to the end. */
  end(run: RunId): void;
  open: OpenRunOutput;
}

export function createRunLive(): RunLive {
  let latest: { run: string; ring: LineRing } | undefined;
  const ringOf = (run: RunId): LineRing => {
    if (latest?.run !== run) {
      latest?.ring.end();
      latest = { run, ring: createLineRing({ maxCost: maxLog }) };
    }
    return latest.ring;
  };
  return {
    write: ({ run, stream, text }, at) => {
      const ring = ringOf(run);
      const said = stream === "agent" ? { from: "agent" } : { stream };
      for (const line of text.replace(/\n$/, "").split("\n"))
        ring.write({ at, ...said, text: line });
    },
    end: (run) => ringOf(run).end(),
    open: (run, wanted) => (latest?.run === run ? latest.ring.follow(wanted) : undefined),
  };
}
