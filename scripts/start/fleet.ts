// Starts the hub and the devices of `npm start`, each as a process of its own.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { type Children, createChildren } from "./children.ts";
import { createHubClient, type HubClient } from "./hub_client.ts";
import type { StartOptions } from "./options.ts";

export interface Fleet {
  readonly url: string;
  hub: HubClient;
  children: Children;
  devices: readonly string[];
  /** Unix ms. */
  startedAt: number;
}

interface Plan {
  options: StartOptions;
  /** Absolute. */
  data: string;
  repository: string;
  runtime: "docker" | "process";
  devices: readonly string[];
  say(line: string): void;
}

/** Seconds between two fetches of the repository: it lies on the same disk, so this is cheap. */
const pollSeconds = 1;

/** @param children given by a caller that may have to end them before this returns
 *  @throws FleetError hub_unreachable when the hub ends or is not ready in time */
export async function startFleet(
  plan: Plan,
  children = createChildren((name, how) => plan.say(`${name} ended (${how}); it starts again.`)),
): Promise<Fleet> {
  const { options, data, devices } = plan;
  const startedAt = Date.now();
  const logs = join(data, "logs");
  await mkdir(logs, { recursive: true });
  const url = `http://127.0.0.1:${options.httpPort}`;
  const hubData = join(data, "hub");
  const hub = createHubClient(url, async () =>
    (await readFile(join(hubData, "operator.token"), "utf8")).trim(),
  );
  const death = children.start({
    name: "hub",
    entry: "hub/main.ts",
    logFile: join(logs, "hub.log"),
    args: [
      ...["--data", hubData, "--repository", plan.repository],
      // Whatever is checked out in the sample must not become its default branch.
      ...(options.repository === undefined ? ["--branch", "main"] : []),
      ...["--http-port", String(options.httpPort), "--mqtt-port", String(options.mqttPort)],
      ...["--poll-seconds", String(pollSeconds)],
    ],
  });
  await readyOrDead(hub, death, AbortSignal.timeout(options.timeout * 1000));
  await Promise.all(
    devices.map(async (device, index) => {
      const config = await writeAgentConfig(plan, device, index, hub, url);
      const logFile = join(logs, `${device}.log`);
      const args = ["--config", config];
      void children.start({ name: device, entry: "edge/main.ts", args, logFile, isAgent: true });
    }),
  );
  return { url, hub, children, devices, startedAt };
}

async function readyOrDead(hub: HubClient, death: Promise<string>, signal: AbortSignal) {
  const dead = death.then((how) => {
    throw new FleetError("hub_unreachable", {
      message: `the hub ended before it was ready (${how})`,
      hint: "Look at logs/hub.log in the data directory.",
    });
  });
  await Promise.race([hub.ready(signal), dead]);
}

/** Written anew at every start, since ports and runtime may be other ones; the identity stays. */
async function writeAgentConfig(
  { data, options, runtime }: Plan,
  device: string,
  index: number,
  hub: HubClient,
  url: string,
): Promise<string> {
  const directory = join(data, "devices", device);
  await mkdir(directory, { recursive: true });
  const enrolled = await readFile(join(directory, "identity", "device.json")).catch(
    () => undefined,
  );
  const token = enrolled === undefined ? await hub.enrolmentToken(device) : undefined;
  const file = join(directory, "agent.yaml");
  const lines = [
    `device: ${device}`,
    `hostname: ${device}`,
    "hub:",
    `  url: ${url}`,
    `  mqtt: mqtt://127.0.0.1:${options.mqttPort}`,
    ...(token === undefined ? [] : [`  token: ${token}`]),
    "dataDirectory: .",
    "runDirectory: run",
    "interval: 5",
    "heartbeatSeconds: 5",
    `runtime: ${runtime}`,
    `projectPrefix: ${device}-`,
    "page:",
    `  port: ${options.pagePort + index}`,
    "workloadsOnStop: stop",
    "disk:",
    "  reserveMegabytes: 50",
    // People who try it out kill agents in a row, which no device in the field does.
    "safeMode:",
    "  healthySeconds: 2",
    "",
  ];
  await writeFile(file, lines.join("\n"), { mode: 0o600 });
  return file;
}
