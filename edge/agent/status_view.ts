// What the local API shows: the latest report with the connection, the host and the update history.
import type { LocalStatus } from "#edge/page/status.ts";
import { worstHealth, worstSync } from "#shared/status.ts";
import type { Agent } from "./agent.ts";
import type { AgentParts } from "./parts.ts";

const shownUpdates = 20;

interface Parts {
  parts: AgentParts;
  agent: Agent;
  hostname(): string;
}

export function createStatusView({ parts, agent, hostname }: Parts): () => LocalStatus {
  const { clock, journal, sync, device, agentVersion } = parts;
  const startedAt = clock.now();
  return () => {
    const reported = agent.reported();
    const apps = reported?.apps ?? [];
    const { lastContactMonotonicMs, ...connection } = sync.status();
    const { host } = agent.beat();
    return {
      device,
      hostname: hostname(),
      labels: parts.settings().labels,
      agentVersion,
      bootId: journal.bootId,
      startedAt,
      at: clock.now(),
      generation: reported?.observedGeneration ?? 0,
      specHash: reported?.specHash ?? "",
      mode: reported?.mode ?? "run",
      sync: reported === undefined ? "Unknown" : worstSync(apps.map((app) => app.sync)),
      health: reported === undefined ? "Unknown" : worstHealth(apps.map((app) => app.health)),
      runtimes: parts.runtimeNames,
      connection: {
        ...connection,
        ...(lastContactMonotonicMs === undefined
          ? {}
          : { lastContactAgoMs: Math.round(clock.monotonicMs() - lastContactMonotonicMs) }),
      },
      apps,
      conditions: reported?.conditions ?? [],
      ...(host === undefined ? {} : { host }),
      updates: journal.updates({ limit: shownUpdates }),
      journalUnacknowledged: journal.unacknowledged(),
    };
  };
}
