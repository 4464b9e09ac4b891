// The options of `npm start`.
import { Command, InvalidArgumentError, Option } from "commander";

export interface StartOptions {
  data: string;
  devices: number;
  httpPort: number;
  mqttPort: number;
  /** Port of the first device's own page; the others follow. */
  pagePort: number;
  /** Port of the sample's status service on the first device; the others take the next free ones. */
  statusPort: number;
  /** A Git repository to follow instead of the sample. */
  repository?: string;
  runtime: "auto" | "docker" | "process";
  once: boolean;
  json: boolean;
  /** Seconds for all devices to become Synced and Healthy. */
  timeout: number;
}

function whole(low: number, high: number) {
  return (text: string): number => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= low && number <= high) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
  };
}

/** @throws never: commander prints the problem and ends the process with code 1 */
export function readOptions(argv: readonly string[]): StartOptions {
  const port = whole(1, 65_535);
  const command = new Command("npm start --")
    .description("Starts a hub, a sample fleet repository and three devices on this machine.")
    .option("--data <directory>", "where everything is kept", "var")
    .option("--devices <count>", "how many devices", whole(1, 50), 3)
    .option("--http-port <port>", "the hub's API and page", port, 7080)
    .option("--mqtt-port <port>", "the hub's MQTT broker", port, 7883)
    .option("--page-port <port>", "the first device's own page; the others follow", port, 7091)
    .option("--status-port <port>", "the sample's status service on the first device", port, 7101)
    .option("--repository <url>", "follow this Git repository instead of the sample")
    .addOption(
      new Option("--runtime <name>", "how services run on the devices")
        .choices(["auto", "docker", "process"])
        .default("auto"),
    )
    .option("--once", "end as soon as all devices have converged", false)
    .option("--json", "print one JSON object on standard output, progress on standard error", false)
    .option("--timeout <seconds>", "how long convergence may take", whole(1, 3600), 120);
  command.parse([...argv], { from: "user" });
  return command.opts<StartOptions>();
}
