// Makes commander's commands speak through the terminal and refuse by errors.
import { type Command, CommanderError } from "commander";
import type { Cli } from "./cli.ts";
import { exitCodes } from "./exit.ts";

/** A verb under its full name. */
export function ready(verb: Command, cli: Cli, name: string): Command {
  quiet(verb, cli).name(name);
  for (const child of verb.commands) quiet(child, cli);
  return verb;
}

export function quiet(command: Command, { terminal }: Cli): Command {
  const width = (): number => terminal.width ?? 100;
  return command
    .exitOverride()
    .showHelpAfterError("Add --help to see how it is used.")
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
      outputError: (text, write) =>
        write(text.replace(/^error:/, terminal.paintWords("Error:", "bad"))),
      getOutHelpWidth: width,
      getErrHelpWidth: width,
      getOutHasColors: () => terminal.paint("x", "bold") !== "x",
      getErrHasColors: () => terminal.paintWords("x", "bold") !== "x",
    });
}

/** @returns the exit code of what commander refused or did by itself (help); undefined for other errors */
export function commanderExit(error: unknown): number | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
