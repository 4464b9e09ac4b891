// What the local API shows: the latest report with the connection, the host and the update history.
import type { DeepCheckNow, DiskNow, LocalStatus, RunningUpdate } from "#edge/page/status.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import type { HostHealth } from "#shared/beat.ts";
import { worstHealth, worstSync } from "#shared/status.ts";
import type { Agent } from "./agent.ts";
import type { DeepCheckResult } from "./deep_check.ts";
import type { AgentParts } from "./parts.ts";

const shownUpdates = 20;
const shownEvents = 30;

interface Parts {
  parts: AgentParts;
  agent: Agent;
  hostname(): string;
  /** What no download takes. */
  reserveBytes(): number;
  lastDeepCheck(): DeepCheckResult | undefined;
}

export function createStatusView({
  parts,
  agent,
  hostname,
  reserveBytes,
  lastDeepCheck,
}: Parts): () => LocalStatus {
  const { clock, journal, sync, device, agentVersion } = parts;
  const startedAt = clock.now();
  const readHistory = createHistory(journal);
  return () => {
    const reported = agent.reported();
    const apps = reported?.apps ?? [];
    const { lastContactMonotonicMs, isolated, ...connection } = sync.status();
    const { host } = agent.beat();
    const why = agent.why();
    const { safeMode, run } = reported ?? {};
    const workloads = parts.telemetry?.workloads() ?? [];
    const deepCheck = lastDeepCheck();
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
      ...(host === undefined ? {} : { host, disk: diskNow(host, reserveBytes()) }),
      ...(safeMode === undefined ? {} : { safeMode }),
      ...(run === undefined ? {} : { run }),
      ...(why.length === 0 ? {} : { why }),
      ...(isolated ? { isolated } : {}),
      ...(workloads.length === 0 ? {} : { workloads }),
      ...(deepCheck === undefined ? {} : { deepCheck: checkNow(deepCheck, clock.monotonicMs()) }),
      ...readHistory(),
    };
  };
}

const eventKinds = [
  ...(["event", "drift.found", "drift.repaired", "desired.received", "desired.refused"] as const),
  ...(["update.finished", "agent.started", "agent.stopped", "entries.dropped"] as const),
];

type History = Pick<LocalStatus, "updates" | "journalUnacknowledged" | "running" | "events">;

/** A disk that fails takes the news from the page, and not the page: what was read last stays. */
function createHistory(journal: AgentParts["journal"]): () => History {
  let last: History = { updates: [], journalUnacknowledged: 0, running: [], events: [] };
  return () => {
    try {
      last = {
        updates: journal.updates({ limit: shownUpdates }),
        journalUnacknowledged: journal.unacknowledged(),
        running: journal.openAttempts().map(runningUpdate),
        events: journal.entries({ kinds: eventKinds, limit: shownEvents }),
      };
    } catch {
      // The loop meets the same fault, and tells of it.
    }
    return last;
  };
}

function diskNow({ diskUsedBytes, diskTotalBytes }: HostHealth, reserveBytes: number): DiskNow {
  return { usedBytes: diskUsedBytes, freeBytes: diskTotalBytes - diskUsedBytes, reserveBytes };
}

function checkNow(result: DeepCheckResult, nowMs: number): DeepCheckNow {
  const { startedMs, endedMs, findings, failed } = result;
  const endedAgoMs = Math.round(nowMs - endedMs);
  return { endedAgoMs, tookMs: Math.round(endedMs - startedMs), findings, failed };
}

function runningUpdate(attempt: Attempt): RunningUpdate {
  const { id, app, commit, stage, tries, startedAt, startedMonotonicMs, bootId } = attempt;
  return { id, app, commit, stage, tries, startedAt, startedMonotonicMs, bootId };
}
