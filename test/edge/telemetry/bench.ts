// A device's telemetry on a clock that a test moves, and a workload that posts to its socket.
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeTelemetryPlace, telemetryEnvironment } from "#edge/telemetry/place.ts";
import { createTelemetry, type WorkloadTelemetry } from "#edge/telemetry/telemetry.ts";
import { AppName } from "#shared/ids.ts";
import { AppReport } from "#shared/reported.ts";

export const robot = AppName.parse("robot");

/** An app as observed.
 *  @param services how many copies each has */
export function appReport(name: string, services: Record<string, number>): AppReport {
  return AppReport.parse({
    name,
    sync: "Synced",
    health: "Healthy",
    quarantined: [],
    services: Object.entries(services).map(([service, wanted]) => ({
      name: service,
      health: "Healthy",
      wanted,
      ready: wanted,
      configHash: "c",
      runtime: "process",
      instances: [],
    })),
  });
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
  body: any;
}

export interface TelemetryBench {
  telemetry: WorkloadTelemetry;
  runDirectory: string;
  warnings: string[];
  pass(ms: number): void;
  /** As a copy would, by what its environment says. */
  post(body: unknown, copy?: { app?: AppName; service?: string; index?: number }): Promise<Answer>;
  /** Another process of the same boot, or of the next one. */
  restart(how?: { isReboot?: boolean; between?: () => void }): Promise<void>;
  close(): Promise<void>;
}

export function telemetryBench(): TelemetryBench {
  const runDirectory = mkdtempSync(join(tmpdir(), "tele-"));
  const warnings: string[] = [];
  let nowMs = 1000;
  const start = (): WorkloadTelemetry =>
    createTelemetry({
      runDirectory,
      clock: { now: () => 1_700_000_000_000 + nowMs, monotonicMs: () => nowMs },
      warn: (app, why) => void warnings.push(`${app}: ${why}`),
    });
  const bench: TelemetryBench = {
    telemetry: start(),
    runDirectory,
    warnings,
    pass: (ms) => {
      nowMs += ms;
    },
    post: async (body, { app = robot, service = "arm", index = 1 } = {}) => {
      const directory = (await makeTelemetryPlace(runDirectory, app)) ?? "";
      return send(telemetryEnvironment(directory, { service, index }), body);
    },
    restart: async ({ isReboot = false, between } = {}) => {
      await bench.telemetry.stop();
      between?.();
      if (isReboot) nowMs = 0;
      bench.telemetry = start();
    },
    close: async () => {
      await bench.telemetry.stop();
      rmSync(runDirectory, { recursive: true, force: true });
    },
  };
  return bench;
}

/** @param body text as it is, anything else as JSON */
export function send(environment: Record<string, string>, body: unknown): Promise<Answer> {
  const { FLEET_TELEMETRY_SOCKET: socketPath, FLEET_TELEMETRY_URL: url = "" } = environment;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asking = request(url, { socketPath, method: "POST", agent: false }, async (response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
  });
  asking.on("error", reject);
  asking.end(typeof body === "string" ? body : JSON.stringify(body));
  return promise;
}
