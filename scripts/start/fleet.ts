// Starts the hub and the devices of `npm start` and follows them until they have converged.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { type Children, createChildren } from "./children.ts";
import { createHubClient, type DeviceNow, type HubClient } from "./hub_client.ts";
import type { StartOptions } from "./options.ts";

export interface Fleet {
  readonly url: string;
  hub: HubClient;
  children: Children;
  devices: readonly string[];
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

export async function startFleet(plan: Plan): Promise<Fleet> {
  const { options, data } = plan;
  const logs = join(data, "logs");
  await mkdir(logs, { recursive: true });
  const children = createChildren((name, how) =>
    plan.say(`${name} ended (${how}); it is started again`),
  );
  const url = `http://127.0.0.1:${options.httpPort}`;
  const hubData = join(data, "hub");
  const hub = createHubClient(url, async () =>
    (await readFile(join(hubData, "operator.token"), "utf8")).trim(),
  );
  children.start({
    name: "hub",
    entry: "hub/main.ts",
    logFile: join(logs, "hub.log"),
    args: [
      ...["--data", hubData, "--repository", plan.repository],
      ...["--http-port", String(options.httpPort), "--mqtt-port", String(options.mqttPort)],
      ...["--poll-seconds", String(pollSeconds)],
    ],
  });
  await hub.ready(AbortSignal.timeout(options.timeout * 1000));
  await Promise.all(
    plan.devices.map(async (device, index) => {
      const config = await writeAgentConfig(plan, device, index, hub, url);
      const logFile = join(logs, `${device}.log`);
      children.start({ name: device, entry: "edge/main.ts", args: ["--config", config], logFile });
    }),
  );
  return { url, hub, children, devices: plan.devices };
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
    "interval: 5",
    "heartbeatSeconds: 5",
    `runtime: ${runtime}`,
    `projectPrefix: ${device}-`,
    "page:",
    `  port: ${options.pagePort + index}`,
    "workloadsOnStop: stop",
    "disk:",
    "  reserveMegabytes: 50",
    "",
  ];
  await writeFile(file, lines.join("\n"), { mode: 0o600 });
  return file;
}

/** A short line for each change that a person would want to see. */
function changesOf(before: Map<string, string>, devices: readonly DeviceNow[]): string[] {
  const lines: string[] = [];
  for (const { id, apps } of devices) {
    for (const app of apps) {
      const why = app.failure === undefined ? "" : `: ${app.failure.message}`;
      const step = app.step === undefined ? "" : ` (${app.step})`;
      const now = `${app.sync}, ${app.health}${step}${why}`;
      if (before.get(`${id}/${app.name}`) === now) continue;
      before.set(`${id}/${app.name}`, now);
      lines.push(`${id.padEnd(8)} ${app.name.padEnd(16)} ${now}`);
    }
  }
  return lines;
}

/** A hub that is being started again answers soon. */
function whileAway(error: unknown): DeviceNow[] {
  if (error instanceof FleetError && error.code === "hub_unreachable") return [];
  throw error;
}

export function isConverged(device: DeviceNow): boolean {
  return (
    device.desiredGeneration > 0 &&
    device.connection === "Online" &&
    device.sync === "Synced" &&
    device.health === "Healthy"
  );
}

/** Says what changes until all devices are Synced and Healthy, or the signal ends it.
 *  @returns the devices as last seen */
export async function followUntilConverged(
  { hub, devices }: Fleet,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<DeviceNow[]> {
  const seen = new Map<string, string>();
  let latest: DeviceNow[] = [];
  while (!signal.aborted) {
    const all = await hub.devices().catch(whileAway);
    latest = all.filter(({ id }) => devices.includes(id));
    for (const line of changesOf(seen, latest)) say(line);
    if (latest.length === devices.length && latest.every(isConverged)) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return latest;
}
