// What the loop talks to and these tests do not listen to, but for its reports.
import type { AgentParts } from "#edge/agent/parts.ts";
import type { ReportedState } from "#shared/reported.ts";

export const host = {
  cpu: 0,
  load1: 0,
  memoryUsedBytes: 0,
  memoryTotalBytes: 1,
  diskUsedBytes: 0,
  diskTotalBytes: 1,
  uptimeSeconds: 1,
};

export const silentMetrics: AgentParts["metrics"] = {
  observeLoop: () => undefined,
  countStep: () => undefined,
  countUpdate: () => undefined,
  countRuntimeCall: () => undefined,
  setApps: () => undefined,
  setRestarts: () => undefined,
  setWorkloads: () => undefined,
  setGeneration: () => undefined,
  setConnected: () => undefined,
  setJournalUnacknowledged: () => undefined,
  setHost: () => undefined,
};

export function silentSync(reports: ReportedState[]): AgentParts["sync"] {
  return {
    start: () => undefined,
    stop: async () => undefined,
    status: () => ({ connected: true, via: "mqtt", lastContactMonotonicMs: 1, isolated: false }),
    report: (reported) => void reports.push(structuredClone(reported)),
    journalGrew: () => undefined,
    setRhythm: () => undefined,
    onChange: () => undefined,
    onAsked: () => undefined,
  };
}
