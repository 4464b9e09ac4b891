// Finds what a live stream is to read: services, the agent's own log, events, or a run's output.
import type { Journal } from "#edge/journal/port.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { AgentLog } from "./agent_log.ts";
import { followEvents } from "./events.ts";
import { followServices } from "./services.ts";
import type { OpenSource, SourceItem, Wanted } from "./source.ts";

/** Undefined: this device knows no such run. */
export type OpenRunOutput = (run: string, wanted: Wanted) => AsyncIterable<SourceItem> | undefined;

interface Parts {
  runtimes: readonly Pick<Runtime, "name" | "observe" | "follow">[];
  agentLog: AgentLog;
  journal: Pick<Journal, "entries" | "epoch">;
  /** @throws FleetError not_found where the device has no such app or service */
  expect: (app: AppName, service?: string) => void;
  runs?: OpenRunOutput | undefined;
  clock: Clock;
}

export function createSources(parts: Parts): OpenSource {
  return (source, wanted) => {
    switch (source.kind) {
      case "service": {
        if (source.app !== undefined) parts.expect(source.app, source.service);
        return followServices(parts, source, wanted);
      }
      case "agent":
        return parts.agentLog.follow(wanted);
      case "events":
        return followEvents(parts, wanted);
      case "run":
        return parts.runs?.(source.run, wanted) ?? unknownRun(source.run);
    }
  };
}

function unknownRun(run: string): never {
  throw new FleetError("not_found", {
    message: `this device has no output of the run ${run}`,
    hint: "The run may be over; the hub keeps what it said.",
  });
}
