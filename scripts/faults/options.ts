// The options of `npm run faults`.
import { Command, InvalidArgumentError, Option } from "commander";

export interface FaultOptions {
  only?: string[];
  seeds: number;
  seed?: number;
  first: number;
  sample: boolean;
  list: boolean;
  keep: boolean;
  json: boolean;
  runtime: "docker" | "process";
  devices: number;
  lanes: number;
}

function whole(low: number, high: number) {
  return (text: string): number => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= low && number <= high) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
  };
}

const remarks = `
A fault that needs what the machine has not (root, loop devices, strace, a Docker Engine) is left out, and says so in a
line of its own and in the totals; --list names what each one needs. With FLEET_REQUIRE_REAL=1 in the environment that is a
failure. Lines come as faults end, the last one has the totals.

Ends with 0 when every try was survived and no entry was lost, with 1 when not, when nothing could be tried or an option
is wrong, and with 130 when it is interrupted; nothing stays mounted or runs on in any case.`;

/** @throws never: commander prints the problem and ends the process with code 1 */
export function readOptions(argv: readonly string[]): FaultOptions {
  return new Command("npm run faults --")
    .description(
      "Injects faults into a real hub and real agents, one at a time, and says what held.",
    )
    .option("--only <names...>", "these faults and no others")
    .option("--seeds <count>", "tries per step boundary or per fault", whole(1, 10_000), 1)
    .option(
      "--seed <number>",
      "one try of each fault, to repeat one that failed",
      whole(1, 2 ** 31),
    )
    .option(
      "--first <number>",
      "the seed to begin with, to go on with a long run",
      whole(1, 2 ** 31),
      1,
    )
    .option("--sample", "a sample of all kinds, within ten minutes", false)
    .option("--list", "name the faults and say what they do", false)
    .option("--keep", "leave the directories of the tries, with all logs, where they are", false)
    .option("--json", "one JSON object for each fault, and one with the totals", false)
    .addOption(
      new Option("--runtime <name>", "how services run on the devices")
        .choices(["docker", "process"])
        .default("process"),
    )
    .option("--devices <count>", "devices on which faults are tried side by side", whole(1, 16), 4)
    .option(
      "--lanes <count>",
      "faults that are tried side by side, each in a world of its own",
      whole(1, 8),
      2,
    )
    .addHelpText("after", remarks)
    .parse([...argv], { from: "user" })
    .opts<FaultOptions>();
}
