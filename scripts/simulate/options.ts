// The options of `npm run simulate`.
import { Command, InvalidArgumentError } from "commander";
import { FleetError } from "#shared/errors.ts";

export interface SimulateOptions {
  devices: number;
  /** How long the devices run once their processes are there. */
  seconds: number;
  processes: number;
  /** A hub that runs already; without it the simulator starts one. */
  hub?: string;
  tokenFile?: string;
  prefix: string;
  sites: number;
  /** Spread over the devices in turn. */
  models: string[];
  heartbeatSeconds: number;
  applySeconds: number;
  sampleSeconds: number;
  json: boolean;
}

/** Beyond this one process spends more time on its timers than on the devices. */
const devicesInOneProcess = 2500;

function number(low: number, high: number, whole: boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(
      `It must be a ${whole ? "whole " : ""}number from ${low} to ${high}.`,
    );
  };
}

function prefix(text: string): string {
  if (/^[a-z0-9-]{1,50}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be 1 to 50 characters of a-z, 0-9 and -.");
}

function list(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** @throws FleetError config_invalid; what commander itself refuses ends the process with code 1 */
export function readOptions(argv: readonly string[]): SimulateOptions {
  const whole = (low: number, high: number) => number(low, high, true);
  const seconds = number(0.1, 86_400, false);
  const options = new Command("npm run simulate --")
    .description("Holds many protocol-true devices and says what became of them.")
    .option("--devices <count>", "how many devices", whole(1, 100_000), 100)
    .option("--seconds <seconds>", "how long they run", number(1, 604_800, false), 30)
    .option("--processes <count>", "processes to spread them over", whole(1, 256))
    .option("--hub <url>", "a hub that runs already, instead of one of the simulator's own")
    .option("--token-file <file>", "file with an operator's token of that hub")
    .option("--prefix <text>", "how the devices' ids begin", prefix, "sim")
    .option("--sites <count>", "sites to spread the devices over", whole(1, 10_000), 10)
    .option("--models <names>", "models of the devices, in turn, separated by commas", list, [
      "simulated device",
    ])
    .option("--heartbeat-seconds <seconds>", "between two heartbeats", seconds, 10)
    .option("--apply-seconds <seconds>", "to do what a device is told", seconds, 1)
    .option("--sample-seconds <seconds>", "between two health samples", seconds, 30)
    .option("--json", "print one JSON object on standard output", false)
    .parse([...argv], { from: "user" })
    .opts<Omit<SimulateOptions, "processes"> & { processes?: number }>();
  if ((options.hub === undefined) !== (options.tokenFile === undefined)) {
    throw new FleetError("config_invalid", {
      message: "--hub and --token-file belong together",
      hint: "Give both, or neither to let the simulator start a hub of its own.",
    });
  }
  const processes = options.processes ?? Math.ceil(options.devices / devicesInOneProcess);
  return { ...options, processes: Math.min(processes, options.devices) };
}
