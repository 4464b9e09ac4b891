// Chooses the runtimes of this device: Docker where an Engine answers, and always processes.
import { join } from "node:path";
import type { AgentConfig } from "#edge/config.ts";
import { createEngine, dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { createImageKeeper } from "#edge/runtime/docker/images.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { detours, ownRoutes } from "#edge/runtime/forward/backends.ts";
import { createForwarder, type Forwarder } from "#edge/runtime/forward/forwarder.ts";
import type { Route } from "#edge/runtime/forward/table.ts";
import { createProcessRuntime } from "#edge/runtime/process/runtime.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { RuntimeName } from "#shared/reported.ts";
import type { LogLine, ObservedInstance, ResolvedApp, Runtime } from "./port.ts";

export interface Runtimes {
  all: Runtime[];
  names: RuntimeName[];
  /** For services that name none. */
  preferred: RuntimeName;
  /** Holds the published ports of services that are handed over. */
  forwarder: Forwarder;
  /** Where the copies of this release answer while its published ports still lead to others. */
  detours(app: ResolvedApp): Promise<Route[]>;
  /** The last lines of all copies of a service, for log probes. */
  readLogs(app: ResolvedApp, service: string): Promise<LogLine[]>;
  /** Calls to the Engine by kind. */
  calls(): { runtime: RuntimeName; call: string; total: number }[];
  /** Ends every workload of this device at once. */
  endAll(): Promise<void>;
  /** Lets go of them; what runs goes on running. */
  stop(): Promise<void>;
}

interface Options {
  config: () => AgentConfig;
  clock: Clock;
  log: { warn(detail: Record<string, unknown>, message: string): void };
}

const probedLines = 500;

/** @throws FleetError runtime_unavailable when `runtime: docker` is set and no Engine answers */
export async function chooseRuntimes({ config, clock, log }: Options): Promise<Runtimes> {
  const { runtime, docker, dataDirectory, runDirectory, device } = config();
  const answers = runtime !== "process" && (await dockerAnswers(docker.socket));
  if (runtime === "docker" && !answers) throw noEngine(docker.socket);
  const forwarder = createForwarder({ directory: join(dataDirectory, "forward"), clock });
  const shared = { device, clock, runDirectory, holder: forwarder.holder };
  const processes = createProcessRuntime({
    ...shared,
    directory: join(dataDirectory, "processes"),
    warn: (message) => log.warn({ runtime: "process" }, message),
  });
  const engine = answers ? createEngine({ socketPath: docker.socket }) : undefined;
  const containers =
    engine === undefined
      ? undefined
      : createDockerRuntime({
          ...shared,
          engine,
          registries: () => config().registries,
          filesDir: join(dataDirectory, "files"),
          images: createImageKeeper({
            engine,
            file: join(dataDirectory, "images.json"),
            room: { dataRoot: engine.dataRoot, reserveBytes: config().disk.reserveBytes },
          }),
        });
  const all: Runtime[] = containers === undefined ? [processes] : [containers, processes];
  return {
    all,
    names: all.map(({ name }) => name),
    preferred: containers === undefined ? "process" : "docker",
    forwarder,
    detours: (app) => detoursOf(all, forwarder, app),
    readLogs: (app, service) => logsOf(all, app, service),
    calls: () =>
      Object.entries(engine?.counts() ?? {}).map(([call, total]) => ({
        runtime: "docker" as const,
        call,
        total,
      })),
    endAll: async () => {
      await Promise.all([processes.endAll(), containers?.endAll(), forwarder.end()]);
    },
    stop: async () => {
      await Promise.all(all.map((one) => one.stop()));
    },
  };
}

function noEngine(socket: string): FleetError {
  return new FleetError("runtime_unavailable", {
    message: `no Docker Engine answers at ${socket}`,
    hint: "Start Docker, let this user use its socket, or set runtime: process in agent.yaml.",
    subject: socket,
  });
}

async function detoursOf(
  runtimes: readonly Runtime[],
  forwarder: Forwarder,
  app: ResolvedApp,
): Promise<Route[]> {
  if (ownRoutes(app, []).length === 0) return [];
  const seen = await Promise.all(runtimes.map((runtime) => runtime.observe()));
  return detours(ownRoutes(app, seen.flat()), await forwarder.ask());
}

async function logsOf(
  runtimes: readonly Runtime[],
  app: ResolvedApp,
  service: string,
): Promise<LogLine[]> {
  const runtime = runtimes.find(({ name }) => name === app.services[service]?.runtime);
  if (runtime === undefined) return [];
  // What another release says at the same place is no word of this one.
  const copies = (await runtime.observe()).filter(
    (one) =>
      one.app === app.app &&
      one.service === service &&
      one.configHash === app.services[service]?.configHash,
  );
  const lines = await Promise.all(copies.map((copy) => sinceStart(runtime, copy)));
  return lines.flat();
}

function sinceStart(runtime: Runtime, copy: ObservedInstance): Promise<LogLine[]> {
  const since = copy.startedAt === undefined ? {} : { sinceMs: copy.startedAt };
  return runtime.logs(copy, { tail: probedLines, ...since });
}
