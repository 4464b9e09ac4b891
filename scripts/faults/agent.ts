// The real agent of one device as a process, with its agent.yaml written anew at each start.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deadlineVariable } from "#edge/guard/pulse.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Hub } from "./hub.ts";
import { createProgram, type Program } from "./program.ts";

/** What a fault may change about one start of the agent. */
export interface AgentStart {
  /** FLEET_FAULT of shared/fault.ts, e.g. `after:swap`. */
  faultPoint?: string;
  environment?: Readonly<Record<string, string>>;
  /** Instead of the hub's own addresses. */
  hubUrl?: string;
  mqttUrl?: string;
  isolatedAfterSeconds?: number;
  keepaliveSeconds?: number;
  /** Between two rounds of its loop in which nothing has come up. */
  intervalSeconds?: number;
  journalMegabytes?: number;
  /** Under the guard, which kills it after such a silence. */
  guardMs?: number;
  ballastMegabytes?: number;
  /** Of another Engine than the machine's. */
  dockerSocket?: string;
  /** Further lines of agent.yaml. */
  lines?: readonly string[];
}

export interface Agent {
  readonly program: Program;
  readonly logFile: string;
  /** Its agent.yaml. */
  readonly configFile: string;
  start(how?: AgentStart): Promise<void>;
  /** SIGKILL, then a start. */
  restart(how?: AgentStart): Promise<void>;
}

export interface AgentOptions {
  device: DeviceId;
  /** Its data directory. */
  directory: string;
  logFile: string;
  runtime: "docker" | "process";
  hub: Hub;
  /** What holds for every start unless it says otherwise. */
  defaults: AgentStart;
}

export function createAgent(options: AgentOptions): Agent {
  const { logFile, directory, defaults } = options;
  const configFile = `${directory}.yaml`;
  const program = createProgram({ entry: "edge/main.ts", logFile });
  const start = async (how: AgentStart = {}): Promise<void> => {
    const all = { ...defaults, ...how };
    await mkdir(directory, { recursive: true });
    await writeFile(configFile, await configOf(options, all), { mode: 0o600 });
    program.start({
      args: ["--config", configFile],
      environment: {
        ...all.environment,
        ...(all.faultPoint === undefined ? {} : { FLEET_FAULT: all.faultPoint }),
        ...(all.guardMs === undefined ? {} : { [deadlineVariable]: String(all.guardMs) }),
      },
      ...(all.guardMs === undefined ? {} : { parent: "edge/guard.ts" }),
    });
  };
  return {
    program,
    logFile,
    configFile,
    start,
    restart: async (how) => {
      await program.kill();
      await start(how);
    },
  };
}

async function configOf(options: AgentOptions, how: AgentStart): Promise<string> {
  const { device, directory, runtime, hub } = options;
  const enrolled = await readFile(join(directory, "identity", "device.json")).catch(
    () => undefined,
  );
  const token = enrolled === undefined ? await hub.enrolmentToken(device) : undefined;
  const lines = [
    `device: ${device}`,
    `hostname: ${device}`,
    "hub:",
    `  url: ${how.hubUrl ?? hub.url}`,
    `  mqtt: ${how.mqttUrl ?? `mqtt://127.0.0.1:${hub.mqttPort}`}`,
    ...(token === undefined ? [] : [`  token: ${token}`]),
    ...(how.isolatedAfterSeconds === undefined
      ? []
      : [`  isolatedAfterSeconds: ${how.isolatedAfterSeconds}`]),
    ...(how.keepaliveSeconds === undefined ? [] : [`  keepaliveSeconds: ${how.keepaliveSeconds}`]),
    // Beside it, where a fault of its disk does not reach.
    `dataDirectory: ${device}`,
    `interval: ${how.intervalSeconds ?? 2}`,
    "heartbeatSeconds: 2",
    `runtime: ${runtime}`,
    ...(how.dockerSocket === undefined ? [] : ["docker:", `  socket: ${how.dockerSocket}`]),
    `projectPrefix: ${device}-`,
    "page:",
    "  port: 0",
    "workloadsOnStop: stop",
    ...(how.journalMegabytes === undefined
      ? []
      : ["journal:", `  maxMegabytes: ${how.journalMegabytes}`]),
    "disk:",
    "  reserveMegabytes: 1",
    ...(how.ballastMegabytes === undefined ? [] : [`  ballastMegabytes: ${how.ballastMegabytes}`]),
    // Tries follow one another faster than deaths in the field: what works for a moment has started well.
    "safeMode:",
    "  healthySeconds: 0.1",
    ...(how.lines ?? []),
  ];
  return `${lines.join("\n")}\n`;
}
