// Chooses the runtimes of this device: Docker where an Engine answers, and always processes.
import { join } from "node:path";
import type { AgentConfig } from "#edge/config.ts";
import { createEngine, dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
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
  const { runtime, docker, dataDirectory, device } = config();
  const answers = runtime !== "process" && (await dockerAnswers(docker.socket));
  if (runtime === "docker" && !answers) throw noEngine(docker.socket);
  const processes = createProcessRuntime({
    directory: join(dataDirectory, "processes"),
    device,
    clock,
    warn: (message) => log.warn({ runtime: "process" }, message),
  });
  const engine = answers ? createEngine({ socketPath: docker.socket }) : undefined;
  const containers =
    engine === undefined
      ? undefined
      : createDockerRuntime({
          engine,
          device,
          clock,
          registries: () => config().registries,
          filesDir: join(dataDirectory, "files"),
        });
  const all: Runtime[] = containers === undefined ? [processes] : [containers, processes];
  return {
    all,
    names: all.map(({ name }) => name),
    preferred: containers === undefined ? "process" : "docker",
    readLogs: (app, service) => logsOf(all, app, service),
    calls: () =>
      Object.entries(engine?.counts() ?? {}).map(([call, total]) => ({
        runtime: "docker" as const,
        call,
        total,
      })),
    endAll: async () => {
      await Promise.all([processes.endAll(), containers?.endAll()]);
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

async function logsOf(
  runtimes: readonly Runtime[],
  app: ResolvedApp,
  service: string,
): Promise<LogLine[]> {
  const runtime = runtimes.find(({ name }) => name === app.services[service]?.runtime);
  if (runtime === undefined) return [];
  const copies = (await runtime.observe()).filter(
    (one) => one.app === app.app && one.service === service,
  );
  const lines = await Promise.all(copies.map((copy) => sinceStart(runtime, copy)));
  return lines.flat();
}

function sinceStart(runtime: Runtime, copy: ObservedInstance): Promise<LogLine[]> {
  const since = copy.startedAt === undefined ? {} : { sinceMs: copy.startedAt };
  return runtime.logs(copy, { tail: probedLines, ...since });
}
