// Sets the metrics that a round's report and the runtimes' calls give.
import { countsOf } from "#edge/telemetry/digest.ts";
import type { ReportedState, ServiceReport } from "#shared/reported.ts";
import type { AgentParts } from "./parts.ts";

export function createMeasure(parts: AgentParts): (reported: ReportedState) => void {
  const { metrics, sync, journal } = parts;
  const countCalls = createCallCounter(parts);
  return (reported) => {
    metrics.setApps(reported.apps);
    metrics.setRestarts(
      reported.apps.flatMap(({ name, services }) =>
        services.map((service) => ({ app: name, service: service.name, restarts: sum(service) })),
      ),
    );
    metrics.setWorkloads(countsOf(parts.telemetry?.workloads() ?? []));
    metrics.setGeneration(reported.observedGeneration);
    metrics.setConnected(sync.status().connected);
    metrics.setJournalUnacknowledged(journal.unacknowledged());
    countCalls();
  };
}

function sum({ instances }: ServiceReport): number {
  return instances.reduce((total, { restarts }) => total + restarts, 0);
}

/** Runtimes count for themselves; the metrics take what was added since the last round. */
function createCallCounter({ metrics, runtimeCalls }: AgentParts): () => void {
  const counted = new Map<string, number>();
  return () => {
    for (const { runtime, call, total } of runtimeCalls()) {
      const key = `${runtime} ${call}`;
      const added = total - (counted.get(key) ?? 0);
      if (added > 0) metrics.countRuntimeCall(runtime, call, added);
      counted.set(key, total);
    }
  };
}
