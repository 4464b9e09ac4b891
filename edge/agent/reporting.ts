// Puts the reported state together and tells the hub when it differs from the last one.
import type { AppInput } from "#edge/plan/input.ts";
import { appReport } from "#edge/plan/report.ts";
import type { Step } from "#edge/plan/step.ts";
import { canonicalHash } from "#shared/canonical.ts";
import { specHash } from "#shared/desired.ts";
import type { AppName } from "#shared/ids.ts";
import type { AppReport, HostReport, ReportedState, RevisionReport } from "#shared/reported.ts";
import {
  type Condition,
  type ConditionType,
  transition,
  worstHealth,
  worstSync,
} from "#shared/status.ts";
import type { Gatherer, Observation } from "./gather.ts";
import type { AppMemory, Memory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";

type Steps = ReadonlyMap<AppName, readonly Step[]>;
type Finding = Omit<Condition, "lastTransitionTime" | "type" | "observedGeneration">;

export interface Reporter {
  /** Builds the report of this round and hands it to sync when it changed. */
  report(observation: Observation, steps: Steps): Promise<ReportedState>;
  latest(): ReportedState | undefined;
}

export function createReporter(parts: AgentParts, memory: Memory, gatherer: Gatherer): Reporter {
  const conditions = new Map<ConditionType, Condition>();
  let latest: ReportedState | undefined;
  let sentHash = "";
  let host: Promise<HostReport> | undefined;

  const describeHost = async (): Promise<HostReport> => {
    const address = parts.metricsAddress();
    return {
      ...(await parts.describeHost()),
      runtimes: parts.runtimeNames,
      agentVersion: parts.agentVersion,
      ...(address === undefined ? {} : { metricsAddress: address }),
    };
  };

  const describeRevisions = async (
    input: AppInput,
    previous: string | undefined,
  ): Promise<Map<string, RevisionReport>> => {
    const known = new Map<string, RevisionReport>();
    if (input.target !== undefined) {
      known.set(input.target.revision, revisionReport(input.target));
    }
    for (const revision of [input.current, previous]) {
      if (revision === undefined || known.has(revision)) continue;
      const staged = await gatherer.resolve(input.app, revision as never).catch(() => undefined);
      if (staged !== undefined) known.set(revision, revisionReport(staged.staged));
    }
    return known;
  };

  const reportApp = async (
    input: AppInput,
    steps: readonly Step[],
    previous: string | undefined,
  ): Promise<AppReport> => {
    const known = memory.of(input.app);
    const revisions = await describeRevisions(input, previous);
    return appReport({
      input,
      steps,
      progress: progressOf(known, input),
      describe: (revision) => (revision === undefined ? undefined : revisions.get(revision)),
      previous,
      healFailure: known.heal?.failure ?? known.unreadable,
    });
  };

  const judgeConditions = (observation: Observation, apps: AppReport[]): Condition[] => {
    const now = parts.clock.now();
    const generation = observation.desired?.generation;
    for (const [type, finding] of Object.entries(findings(parts, observation, apps))) {
      const observed = generation === undefined ? {} : { observedGeneration: generation };
      const name = type as ConditionType;
      const next = transition(conditions.get(name), { type: name, ...finding, ...observed }, now);
      conditions.set(name, next);
    }
    return [...conditions.values()];
  };

  return {
    latest: () => latest,
    report: async (observation, steps) => {
      host ??= describeHost();
      const { desired, stored } = observation;
      const apps: AppReport[] = [];
      for (const input of observation.apps) {
        if (input.target === undefined && input.instances.length === 0) continue;
        const previous = stored.find(({ app }) => app === input.app)?.previous;
        apps.push(await reportApp(input, steps.get(input.app) ?? [], previous));
      }
      const { labels, heartbeatMs } = parts.settings();
      latest = {
        device: parts.device,
        bootId: parts.journal.bootId,
        epoch: parts.journal.epoch,
        at: parts.clock.now(),
        observedGeneration: desired?.generation ?? 0,
        specHash: desired === undefined ? "" : specHash(desired),
        mode: desired?.mode ?? "run",
        labels,
        heartbeatMs,
        host: await host,
        apps,
        conditions: judgeConditions(observation, apps),
      };
      const hash = canonicalHash({ ...latest, at: 0 });
      if (hash !== sentHash) parts.sync.report(latest);
      sentHash = hash;
      return latest;
    },
  };
}

function progressOf({ progress }: AppMemory, { attempt }: AppInput): number | undefined {
  const isPresent = progress?.attempt === attempt?.id && progress?.stage === attempt?.stage;
  return isPresent ? progress?.share : undefined;
}

function revisionReport(of: {
  spec: { release: Omit<RevisionReport, "revision"> };
  revision: RevisionReport["revision"];
}): RevisionReport {
  const { digest, role, commit, branch } = of.spec.release;
  return { revision: of.revision, digest, role, commit, branch };
}

/** What holds now, each with a reason for programs and a sentence for people. */
function findings(
  parts: AgentParts,
  { desired, blind }: Observation,
  apps: readonly AppReport[],
): Record<ConditionType, Finding> {
  const link = parts.sync.status();
  const sync = worstSync(apps.map((app) => app.sync));
  const health = worstHealth(apps.map((app) => app.health));
  const behind = apps.filter((app) => app.sync !== "Synced").map(({ name }) => name);
  const sick = apps.filter((app) => app.health !== "Healthy").map(({ name }) => name);
  const isolated = isIsolated(parts);
  return {
    AgentConnected: link.connected
      ? { status: "True", reason: link.via === "http" ? "Http" : "Mqtt", message: `by ${link.via}` }
      : { status: "False", reason: "NotConnected", message: link.problem ?? "no connection yet" },
    SpecObserved:
      desired === undefined
        ? { status: "False", reason: "NoDesiredState", message: "no desired state has arrived yet" }
        : { status: "True", reason: "Kept", message: `generation ${desired.generation}` },
    Synced:
      sync === "Synced"
        ? { status: "True", reason: "Synced", message: `${apps.length} apps as desired` }
        : { status: "False", reason: sync, message: `not as desired: ${behind.join(", ")}` },
    Healthy:
      health === "Healthy"
        ? { status: "True", reason: "Healthy", message: `${apps.length} apps healthy` }
        : { status: "False", reason: health, message: `not healthy: ${sick.join(", ")}` },
    RuntimeAvailable:
      blind === undefined
        ? { status: "True", reason: "Answering", message: parts.runtimeNames.join(" and ") }
        : { status: "False", reason: "NotAnswering", message: blind.sentence },
    Isolated: isolated
      ? {
          status: "True",
          reason: "NoContact",
          message: "no hub for long; everything local goes on",
        }
      : { status: "False", reason: "InContact", message: "the hub was heard lately" },
    SafeMode: {
      status: "False",
      reason: "Normal",
      message: "the device follows its desired state",
    },
  };
}

function isIsolated({ sync, clock, settings }: AgentParts): boolean {
  const { lastContactMonotonicMs } = sync.status();
  if (lastContactMonotonicMs === undefined) return false;
  return clock.monotonicMs() - lastContactMonotonicMs > settings().isolatedAfterMs;
}
