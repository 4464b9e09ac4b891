// Chooses the runtimes of this device: Docker where an Engine answers, and always processes.
import { join } from "node:path";
import type { AgentConfig } from "#edge/config.ts";
import type { Journal } from "#edge/journal/port.ts";
import { createEngine, findDocker } from "#edge/runtime/docker/engine.ts";
import { createImageKeeper } from "#edge/runtime/docker/images.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { detours, ownRoutes } from "#edge/runtime/forward/backends.ts";
import { createForwarder, type Forwarder } from "#edge/runtime/forward/forwarder.ts";
import type { Route } from "#edge/runtime/forward/table.ts";
import { createProcessRuntime } from "#edge/runtime/process/runtime.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
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
  /** Knows over restarts whether this device has an Engine; hears what happens to an app. */
  journal: Pick<Journal, "append" | "recall" | "remember">;
  clock: Clock;
  log: { warn(detail: Record<string, unknown>, message: string): void };
}

const probedLines = 500;

export async function chooseRuntimes(options: Options): Promise<Runtimes> {
  const { config, clock, log } = options;
  const { docker, dataDirectory, runDirectory, device } = config();
  const hasEngine = await usesDocker(options);
  const forwarder = createForwarder({ directory: join(dataDirectory, "forward"), clock });
  const shared = { device, clock, runDirectory, holder: forwarder.holder };
  const processes = createProcessRuntime({
    ...shared,
    directory: join(dataDirectory, "processes"),
    warn: (message) => log.warn({ runtime: "process" }, message),
  });
  const engine = hasEngine ? createEngine({ socketPath: docker.socket }) : undefined;
  const containers =
    engine === undefined
      ? undefined
      : createDockerRuntime({
          ...shared,
          engine,
          registries: () => config().registries,
          tell: (app, reason, message) => tell(options, app, { type: "Warning", reason, message }),
          filesDir: join(dataDirectory, "files"),
          images: createImageKeeper({
            engine,
            directory: dataDirectory,
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

/** An Engine that does not answer while the agent starts is an Engine all the same: without it the containers
 *  would be seen by nobody, and their services would start as processes beside them. */
async function usesDocker({ config, journal, log }: Options): Promise<boolean> {
  const { runtime, docker } = config();
  const found = runtime === "process" ? "absent" : await findDocker(docker.socket);
  const wasThere = runtime !== "process" && journal.recall("hadDocker") === true;
  keep(found === "answers" || wasThere, { journal, log });
  if (found === "answers") return true;
  const isExpected = runtime === "docker" || found === "silent" || wasThere;
  const hint = "Start Docker, let this user use its socket, or set runtime: process in agent.yaml.";
  if (isExpected) log.warn({ socket: docker.socket, hint }, "no Docker Engine answers yet");
  return isExpected;
}

/** `runtime: process` forgets it. */
function keep(hadDocker: boolean, { journal, log }: Pick<Options, "journal" | "log">): void {
  try {
    journal.remember("hadDocker", hadDocker ? true : undefined);
  } catch (error) {
    const { code, sentence } = asFleetError(error);
    log.warn({ code, why: sentence }, "the device's runtime could not be journalled");
  }
}

/** A journal that takes nothing keeps no copy from starting. */
function tell(
  { journal, log }: Pick<Options, "journal" | "log">,
  app: AppName,
  body: { type: "Warning"; reason: string; message: string },
): void {
  try {
    journal.append({ kind: "event", app, body });
  } catch (error) {
    const { code, sentence } = asFleetError(error);
    log.warn({ app, code, why: sentence }, body.message);
  }
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
