// Runs the role's probes and samples the host beside the loop, each at most once per interval.
import type { ProbeRound } from "#edge/plan/input.ts";
import type { HostHealth } from "#shared/beat.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { Gatherer, Observation } from "./gather.ts";
import { isSettling, type Memory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";

/** Health samples are kept in memory and written together: a card wears out by writes. */
const samplesPerEntry = 10;
const sampleEveryMs = 60_000;
/** Between two rounds while what was just started does not answer yet. */
const earlyMs = 500;

export interface Prober {
  /** One round of the revision's probes into memory, unless one is under way already. */
  probe(app: AppName, revision: RevisionId): Promise<void>;
  /** Starts what is due; only the host's sample is waited for. */
  refresh(seen: Observation): Promise<void>;
  host(): HostHealth | undefined;
}

interface Parts {
  parts: AgentParts;
  memory: Memory;
  gatherer: Gatherer;
  onChange(): void;
}

export function createProber({ parts, memory, gatherer, onChange }: Parts): Prober {
  const { clock, journal } = parts;
  let host: HostHealth | undefined;
  let samples: { at: number; host: HostHealth }[] = [];
  let sampledMs = Number.NEGATIVE_INFINITY;

  /** What failed may only not be there yet. */
  const isEarly = (app: AppName): boolean => {
    const known = memory.of(app);
    const fails = known.probes?.results.some(({ ok }) => !ok) === true;
    return fails && isSettling(known, clock.monotonicMs());
  };

  const round = async (app: AppName, revision: RevisionId): Promise<void> => {
    const known = memory.of(app);
    const atMs = clock.monotonicMs();
    const results = await parts.runProbes(await gatherer.resolve(app, revision));
    // Another revision has come meanwhile, which this says nothing of.
    if (known.probing !== revision) return;
    const isNews = known.probes?.revision !== revision || differs(known.probes.results, results);
    known.probes = { revision, atMs, results };
    if (isNews) onChange();
    if (isEarly(app)) void clock.sleep(earlyMs).then(onChange);
  };

  const probe = async (app: AppName, revision: RevisionId): Promise<void> => {
    const known = memory.of(app);
    if (known.probing === revision) return;
    known.probing = revision;
    try {
      await round(app, revision);
    } catch (error) {
      parts.log.warn({ app, error }, "probes did not run");
    } finally {
      if (known.probing === revision) known.probing = undefined;
    }
  };

  const keep = (sample: HostHealth): void => {
    if (clock.monotonicMs() - sampledMs < sampleEveryMs) return;
    sampledMs = clock.monotonicMs();
    samples.push({ at: clock.now(), host: sample });
    if (samples.length < samplesPerEntry) return;
    journal.append({ kind: "health.sampled", body: { samples } });
    samples = [];
  };

  return {
    probe,
    host: () => host,
    refresh: async (seen) => {
      const { intervalMs } = parts.settings();
      for (const { app, current, attempt, hasProbes } of seen.apps) {
        if (!hasProbes || current === undefined || attempt !== undefined) continue;
        const { probes } = memory.of(app);
        const known = probes?.revision === current ? probes.atMs : Number.NEGATIVE_INFINITY;
        const dueMs = isEarly(app) ? earlyMs : intervalMs;
        if (clock.monotonicMs() - known >= dueMs) void probe(app, current);
      }
      host = await parts.sampleHost();
      keep(host);
      parts.metrics.setHost(host);
    },
  };
}

function differs(before: ProbeRound["results"], now: ProbeRound["results"]): boolean {
  return failing(before) !== failing(now);
}

function failing(results: ProbeRound["results"]): string {
  return results
    .filter(({ ok }) => !ok)
    .map(({ probe }) => probe)
    .join();
}
