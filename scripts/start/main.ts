// `npm start`: from nothing to a hub, a fleet repository and devices that follow it.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { type Fleet, followUntilConverged, isConverged, startFleet } from "./fleet.ts";
import type { DeviceNow } from "./hub_client.ts";
import { findSampleImage, publicImage } from "./image.ts";
import { readOptions, type StartOptions } from "./options.ts";
import { requireFree } from "./ports.ts";
import { prepareSample } from "./sample.ts";

const socketPath = process.env["DOCKER_SOCKET"] ?? "/var/run/docker.sock";
const options = readOptions(process.argv.slice(2));
const began = performance.now();
let fleet: Fleet | undefined;
let ending: Promise<void> | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void end(128 + (signal === "SIGINT" ? 2 : 15)));
}

try {
  await main();
} catch (thrown) {
  const error = asFleetError(thrown);
  process.stderr.write(`${error.sentence}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
  await end(1);
}

/** Progress goes where it does not disturb a reader of the JSON. */
function say(line: string): void {
  (options.json ? process.stderr : process.stdout).write(`${line}\n`);
}

function end(code: number): Promise<void> {
  ending ??= (async () => {
    if (fleet !== undefined) say("Ending everything …");
    await fleet?.children.stop();
    process.exit(code);
  })();
  return ending;
}

async function main(): Promise<void> {
  await requireFree(options.httpPort, "--http-port");
  await requireFree(options.mqttPort, "--mqtt-port");
  for (let index = 0; index < options.devices; index += 1) {
    await requireFree(options.pagePort + index, "--page-port");
  }
  const data = resolve(options.data);
  await mkdir(data, { recursive: true });
  const { runtime, image } = await chooseRuntime(options);
  const devices = Array.from({ length: options.devices }, (_, at) => `pi-${at + 1}`);
  const repository = options.repository ?? (await sampleIn(data, devices, image));
  say(`Fleet repository  ${repository}`);
  say(`Runtime           ${runtime}`);
  fleet = await startFleet({ options, data, repository, runtime, devices, say });
  const limit = AbortSignal.timeout(options.timeout * 1000);
  const reached = await followUntilConverged(fleet, say, limit);
  const all = reached.length === devices.length && reached.every(isConverged);
  if (options.once) return finish(reached, runtime, all);
  await introduce(fleet, repository, all);
}

async function sampleIn(data: string, devices: readonly string[], image: string): Promise<string> {
  const { directory, made } = await prepareSample(join(data, "fleet"), devices, image);
  if (made) say("Made a sample fleet repository with three sites and two roles.");
  return directory;
}

async function chooseRuntime({ runtime, repository }: StartOptions): Promise<{
  runtime: "docker" | "process";
  image: string;
}> {
  const processes = { runtime: "process", image: publicImage } as const;
  if (runtime === "process") return processes;
  if (!(await dockerAnswers(socketPath))) {
    if (runtime === "auto") return processes;
    throw new FleetError("runtime_unavailable", {
      message: `no Docker Engine answers at ${socketPath}`,
      hint: "Start Docker, or leave --runtime away to run services as processes.",
    });
  }
  if (repository !== undefined) return { runtime: "docker", image: publicImage };
  const image = await findSampleImage(socketPath);
  if (image !== undefined) return { runtime: "docker", image };
  if (runtime === "docker") {
    throw new FleetError("image_missing", {
      message: `the sample's image ${publicImage} is neither on this Engine nor to be pulled`,
      hint: "Load it with docker load or docker import under that name, or use --runtime process.",
    });
  }
  say(`Docker answers, but ${publicImage} is neither there nor to be pulled: running processes.`);
  return processes;
}

async function finish(reached: DeviceNow[], runtime: string, all: boolean): Promise<void> {
  const summary = {
    devices: options.devices,
    synced: reached.filter(({ sync, desiredGeneration: g }) => sync === "Synced" && g > 0).length,
    healthy: reached.filter(({ health, desiredGeneration: g }) => health === "Healthy" && g > 0)
      .length,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    runtime,
  };
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else say(`${summary.synced} of ${summary.devices} Synced, ${summary.healthy} Healthy`);
  if (!all) say(`Not all devices converged within ${options.timeout} s; see ${options.data}/logs.`);
  await end(all ? 0 : 1);
}

async function introduce(running: Fleet, repository: string, all: boolean): Promise<void> {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const pages = running.devices.map((device, at) => {
    const pid = running.children.pid(device);
    return `  ${device.padEnd(8)} http://127.0.0.1:${options.pagePort + at}/   (pid ${pid})`;
  });
  const lines = [
    "",
    all
      ? `All ${running.devices.length} devices are Synced and Healthy after ${seconds} s.`
      : `Not all devices converged within ${options.timeout} s; see ${options.data}/logs.`,
    "",
    `Dashboard   ${await running.hub.signInAddress()}`,
    `            (this address signs in once; the token is in ${join(options.data, "hub/operator.token")})`,
    `API         ${running.url}/docs   (hub: pid ${running.children.pid("hub")})`,
    "Devices",
    ...pages,
    "",
    "Try next:",
    `  cd ${repository}`,
    "  sed -i 's/ROBOT_COUNT: .*/ROBOT_COUNT: 10/' sites/north.yaml",
    "  git commit -am 'Ten robots in the north'    # exactly seven robots start",
    "  git revert --no-edit HEAD                   # and go again",
    "",
    "Ctrl-C ends everything.",
  ];
  for (const line of lines) say(line);
}
