// `npm start`: from nothing to a hub, a fleet repository and devices that follow it.
import { join, resolve } from "node:path";
import { asFleetError } from "#shared/errors.ts";
import { createChildren } from "./children.ts";
import { holdDataDirectory } from "./data.ts";
import { startFleet } from "./fleet.ts";
import { createFollower, type FleetNow } from "./follow.ts";
import { readOptions } from "./options.ts";
import { requireFree } from "./ports.ts";
import { chooseRuntime } from "./runtime.ts";
import { prepareSample, requireGit } from "./sample.ts";
import { introduction, outcome, type Summary } from "./words.ts";

const options = readOptions(process.argv.slice(2));
const began = performance.now();
const children = createChildren((name, how) => say(`${name} ended (${how}); it starts again.`));
let ending: Promise<void> | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void end(128 + (signal === "SIGINT" ? 2 : 15)));
}

try {
  await main();
} catch (thrown) {
  const error = asFleetError(thrown);
  // What breaks while everything is being ended is no news.
  if (ending === undefined) {
    process.stderr.write(`${error.sentence}\n${error.hint === undefined ? "" : `${error.hint}\n`}`);
  }
  await end(1);
}

/** Progress goes where it does not disturb a reader of the JSON. */
function say(line: string): void {
  (options.json ? process.stderr : process.stdout).write(`${line}\n`);
}

function end(code: number): Promise<void> {
  ending ??= (async () => {
    if (children.pid("hub") !== undefined) say("Ending everything …");
    await children.stop();
    process.exit(code);
  })();
  return ending;
}

async function main(): Promise<void> {
  await requireGit();
  await requirePorts();
  const data = resolve(options.data);
  await holdDataDirectory(data);
  const { runtime, image } = await chooseRuntime(options, say);
  const devices = Array.from({ length: options.devices }, (_, at) => `pi-${at + 1}`);
  const repository = options.repository ?? (await sampleIn(data, devices, image));
  say(`Fleet repository  ${repository}`);
  say(`Runtime           ${runtime}`);
  say(`Starting the hub and ${devices.length} devices …`);
  const plan = { options, data, repository, runtime, devices, say };
  const fleet = await startFleet(plan, children);
  const follower = createFollower(fleet, say);
  const reached = await follower.untilConverged(AbortSignal.timeout(options.timeout * 1000));
  say(`\n${outcome(reached, options, performance.now() - began)}`);
  if (options.once) return finish(reached, runtime);
  for (const line of await introduction(fleet, options, repository)) say(line);
  await follower.on();
}

async function requirePorts(): Promise<void> {
  const { httpPort, mqttPort, pagePort } = options;
  await requireFree(httpPort, { purpose: "the hub's API and page", option: "--http-port" });
  await requireFree(mqttPort, { purpose: "the hub's MQTT broker", option: "--mqtt-port" });
  for (let at = 0; at < options.devices; at += 1) {
    const purpose = `the page of device pi-${at + 1}`;
    await requireFree(pagePort + at, { purpose, option: "--page-port" });
  }
}

async function sampleIn(data: string, devices: readonly string[], image: string): Promise<string> {
  const { directory, made } = await prepareSample(join(data, "fleet"), {
    ...{ devices, image, statusPort: options.statusPort },
  });
  if (made) say("Made a sample fleet repository with three sites and two roles.");
  return directory;
}

async function finish({ devices, converged }: FleetNow, runtime: Summary["runtime"]) {
  const told = devices.filter(({ desiredGeneration }) => desiredGeneration > 0);
  const summary: Summary = {
    devices: options.devices,
    synced: told.filter(({ sync }) => sync === "Synced").length,
    healthy: told.filter(({ health }) => health === "Healthy").length,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    runtime,
  };
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  await end(converged ? 0 : 1);
}
