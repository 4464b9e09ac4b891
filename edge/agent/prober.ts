// Runs the role's probes and samples the host beside the loop, each at most once per interval.
import type { HostHealth } from "#shared/beat.ts";
import type { Gatherer, Observation } from "./gather.ts";
import type { Memory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";

/** Health samples are kept in memory and written together: a card wears out by writes. */
const samplesPerEntry = 10;
const sampleEveryMs = 60_000;

export interface Prober {
  /** Starts what is due; nothing of it is waited for longer than its own deadline. */
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

  const probe = async (app: Observation["apps"][number]): Promise<void> => {
    const known = memory.of(app.app);
    if (known.probing || app.current === undefined) return;
    known.probing = true;
    try {
      const before = failing(known.probes?.results);
      const atMs = clock.monotonicMs();
      const results = await parts.runProbes(await gatherer.resolve(app.app, app.current));
      known.probes = { atMs, results };
      if (failing(results) !== before) onChange();
    } catch (error) {
      parts.log.warn({ app: app.app, error }, "probes did not run");
    } finally {
      known.probing = false;
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
    host: () => host,
    refresh: async (seen) => {
      const { intervalMs } = parts.settings();
      for (const app of seen.apps) {
        const agedMs = clock.monotonicMs() - (memory.of(app.app).probes?.atMs ?? -intervalMs);
        if (app.hasProbes && app.attempt === undefined && agedMs >= intervalMs) void probe(app);
      }
      host = await parts.sampleHost();
      keep(host);
      parts.metrics.setHost(host);
    },
  };
}

function failing(results: { probe: string; ok: boolean }[] | undefined): string {
  return (results ?? [])
    .filter(({ ok }) => !ok)
    .map(({ probe }) => probe)
    .join();
}
