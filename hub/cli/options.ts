// Options that several verbs share, each with one meaning everywhere.
import { Command, InvalidArgumentError, Option } from "commander";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { type Output, parseOutput } from "./output/output.ts";
import { parseDuration } from "./terminal/age.ts";

/** A verb that speaks to the hub. */
export function verbCommand(name: string, summary: string): Command {
  return new Command(name)
    .description(summary)
    .addOption(new Option("--context <name>", "the hub to speak to; see: fleet contexts"))
    .addOption(durationOption("--request-timeout", "how long one request may take", "15s"));
}

/** @param usual as a person writes it, which is also how the help shows it */
export function durationOption(name: string, text: string, usual: string): Option {
  return new Option(`${name} <duration>`, text)
    .argParser(argument(parseDuration))
    .default(parseDuration(usual), usual);
}

/** Turns what a parser throws into the words of commander, which name the option. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      const { message, hint } = asFleetError(error);
      throw new InvalidArgumentError(`${message}. ${hint ?? ""}`.trim());
    }
  };
}

export function outputOption(): Option {
  return new Option("-o, --output <form>", "table, wide, json, yaml, name or jsonpath=TEMPLATE")
    .argParser<Output>(argument(parseOutput))
    .default({ kind: "table" } satisfies Output, "table");
}

export function selectorOption(): Option {
  return new Option(
    "-l, --selector <selector>",
    "devices by label: site=north,role in (a, b),!old",
  );
}

/** A whole number above zero. */
export const count = argument((text) => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new FleetError("request_invalid", { message: `"${text}" is not a whole number above 0` });
});

export type Example = readonly [command: string, meaning: string];

const helpWidth = 100;

/** The examples that stand below a verb's options, each with its meaning beside it, or above where that is too wide. */
export function examples(...lines: readonly Example[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const beside = lines.map(([command, meaning]) => `  ${command.padEnd(width)}   # ${meaning}`);
  const shown = beside.every((line) => line.length <= helpWidth)
    ? beside
    : lines.map(([command, meaning]) => `  # ${meaning}\n  ${command}`);
  return `\nExamples:\n${shown.join("\n")}\n`;
}
