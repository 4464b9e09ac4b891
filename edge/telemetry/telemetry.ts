// Telemetry of workloads: takes what they post, and tells the hub, the page and the metrics of it.
import type { AppName } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import type { TelemetryDigest, WorkloadReport } from "#shared/telemetry.ts";
import { digestOf } from "./digest.ts";
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
  stop(): Promise<void>;
}

/** A report is kept by the hub as a whole, so workloads get a small share of what it may hold. */
const maxDigestBytes = 16 * 1024;
const postRate = { burst: 60, perSecond: 20 };

export function createTelemetry({ runDirectory, clock, warn }: Options): WorkloadTelemetry {
  const samples = createSamples(clock);
  const known = createKnown();
  const news = createNews(clock.monotonicMs);
  const sockets = createSockets({
    runDirectory,
    warn,
    routesOf: (app) =>
      telemetryRoutes({ app, known, samples, mayPass: createRate(clock.monotonicMs, postRate) }),
  });
  return {
    observe: async (apps) => {
      known.learn(apps);
      samples.retain(known.has);
      await sockets.keep(known.apps());
    },
    workloads: samples.all,
    digest: (roomBytes) => {
      const told = news(samples.all());
      return told.length === 0 ? undefined : digestOf(told, Math.min(roomBytes(), maxDigestBytes));
    },
    stop: sockets.close,
  };
}
