// Telemetry of workloads: takes what they post, and tells the hub, the page and the metrics of it.
import type { AppName } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import type { TelemetryDigest, WorkloadReport } from "#shared/telemetry.ts";
import { digestOf } from "./digest.ts";
import { createKept } from "./kept.ts";
import { createKnown } from "./known.ts";
import { createNews } from "./news.ts";
import { createRate } from "./rate.ts";
import { telemetryRoutes } from "./routes.ts";
import { createSamples } from "./samples.ts";
import { createSockets } from "./sockets.ts";

interface Options {
  /** Below it each app has its socket. */
  runDirectory: string;
  clock: { now(): number; monotonicMs(): number };
  warn(app: AppName, why: string): void;
}

export interface WorkloadTelemetry {
  /** The apps as they were just observed: who may post, and what is forgotten. */
  observe(apps: readonly AppReport[]): Promise<void>;
  /** As of now. */
  workloads(): WorkloadReport[];
  /** What the hub is told: it changes seldom enough to be sent each time it does.
   *  @param roomBytes what the report has left for it; asked only when there is something to tell */
  digest(roomBytes: () => number): TelemetryDigest | undefined;
  /** Keeps the last words for the next process. */
  stop(): Promise<void>;
}

/** A report is kept by the hub as a whole, so workloads get a small share of what it may hold. */
const maxDigestBytes = 16 * 1024;
/** Well within the time for which a post counts: a word that is said again and again must not have expired. */
const keptEachMs = 30_000;
const postRate = { burst: 60, perSecond: 20 };

export function createTelemetry({ runDirectory, clock, warn }: Options): WorkloadTelemetry {
  const samples = createSamples(clock);
  const known = createKnown();
  const kept = createKept(runDirectory, clock.monotonicMs);
  const news = createNews(clock.monotonicMs);
  let keptMs = Number.NEGATIVE_INFINITY;
  let restored: Promise<void> | undefined;
  const sockets = createSockets({
    runDirectory,
    warn,
    routesOf: (app) =>
      telemetryRoutes({ app, known, samples, mayPass: createRate(clock.monotonicMs, postRate) }),
  });
  const keep = (): void => {
    // What was kept before is not read yet, or there is nothing to tell a later process.
    if (restored === undefined || samples.raw().length === 0) return;
    keptMs = clock.monotonicMs();
    kept.write(samples.raw());
  };
  return {
    observe: async (apps) => {
      restored ??= kept.read().then(samples.restore);
      await restored;
      known.learn(apps);
      samples.retain(known.has);
      await sockets.keep(known.apps());
    },
    workloads: samples.all,
    digest: (roomBytes) => {
      const told = news(samples.all());
      if (clock.monotonicMs() - keptMs >= keptEachMs) keep();
      return told.length === 0 ? undefined : digestOf(told, Math.min(roomBytes(), maxDigestBytes));
    },
    stop: async () => {
      await sockets.close();
      keep();
      await kept.stop();
    },
  };
}
