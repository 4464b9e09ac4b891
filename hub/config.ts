// The hub's options: from the command line, completed by environment variables of the same names.
import { Command, InvalidArgumentError, Option } from "commander";
import { defaultMegabytes } from "#hub/store/holding_port.ts";

export interface HubOptions {
  data: string;
  repository: string;
  branch?: string;
  httpHost: string;
  httpPort: number;
  mqttHost: string;
  mqttPort: number;
  /** Address of the broker as devices reach it; by default the one it listens on. */
  mqttUrl?: string;
  pollSeconds: number;
  webhookSecret?: string;
  keepDays: number;
  keepUpdatesDays: number;
  keepDeviceMegabytes: number;
  logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace";
}

const levels = ["fatal", "error", "warn", "info", "debug", "trace"];

function number(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It must be a number from ${low} to ${high}.`);
  };
}

/** Each option can also be given as FLEET_HUB_<OPTION>, e.g. FLEET_HUB_WEBHOOK_SECRET.
 *  @throws never: commander prints the problem and ends the process with code 1 */
export function readHubOptions(argv: readonly string[]): HubOptions {
  const option = (flags: string, text: string): Option => {
    const made = new Option(flags, text);
    return made.env(`FLEET_HUB_${made.name().replaceAll("-", "_").toUpperCase()}`);
  };
  const port = number(0, 65_535);
  return new Command("hub")
    .description("The hub of Metrica Fleet: one process with its broker, store, API and page.")
    .addOption(option("--data <directory>", "where everything is kept").default("var/hub"))
    .addOption(option("--repository <url>", "the fleet repository").makeOptionMandatory())
    .addOption(option("--branch <name>", "its default branch; by default the repository's own"))
    .addOption(option("--http-host <address>", "address of API and page").default("127.0.0.1"))
    .addOption(option("--http-port <port>", "port of API and page").argParser(port).default(7080))
    .addOption(option("--mqtt-host <address>", "address of the broker").default("127.0.0.1"))
    .addOption(option("--mqtt-port <port>", "port of the broker").argParser(port).default(7883))
    .addOption(option("--mqtt-url <url>", "the broker's address as devices reach it"))
    .addOption(
      option("--poll-seconds <seconds>", "how often the repository is fetched")
        .argParser(number(0.2, 86_400))
        .default(30),
    )
    .addOption(
      option("--keep-days <days>", "how long journal and events are kept")
        .argParser(number(1, 36_500))
        .default(90),
    )
    .addOption(
      option("--keep-updates-days <days>", "how long the devices' update history is kept")
        .argParser(number(1, 36_500))
        .default(365),
    )
    .addOption(
      option("--keep-device-megabytes <MB>", "how much of one device's journal is kept at most")
        .argParser(number(1, 1_000_000))
        .default(defaultMegabytes),
    )
    .addOption(option("--webhook-secret <text>", "shared secret of the repository's webhook"))
    .addOption(option("--log-level <level>", "how much is logged").choices(levels).default("info"))
    .parse([...argv], { from: "user" })
    .opts<HubOptions>();
}
