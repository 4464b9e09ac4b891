// The command line as a whole: finds the verb, loads it, and lets it run.
import { Command } from "commander";
import type { Cli, VerbEntry } from "./cli.ts";
import { quiet, ready } from "./commands.ts";

const description = "Sees and steers a fleet of devices through the API of its hub.";
const closing = `
Every verb explains itself: fleet VERB --help. First: fleet login URL.`;

export function createProgram(cli: Cli): Command {
  const program = quiet(new Command("fleet"), cli)
    .usage("VERB [options]")
    .description(description)
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (verb) => verb.name() })
    .enablePositionalOptions()
    .addHelpText("after", closing);
  for (const [name, entry] of Object.entries(cli.verbs)) addVerb(program, cli, name, entry);
  // What the completion scripts call; no verb for people.
  passing(program.command("__complete", { hidden: true }), async (words) => {
    const { printCandidates } = await import("./completion/candidates.ts");
    await printCandidates(cli, words);
  });
  return program;
}

/** Stands for the verb until it is called: loading all of them would take longer than most of them run. */
function addVerb(program: Command, cli: Cli, name: string, entry: VerbEntry): void {
  const { summary, group, load } = entry;
  const stand = program.command(name).summary(summary).helpGroup(group).usage(" ");
  passing(stand, async (words) => {
    await ready((await load())(cli), cli, `fleet ${name}`).parseAsync(words, { from: "user" });
  });
}

/** Hands every word on, options and `--help` too. */
function passing(command: Command, act: (words: string[]) => Promise<void>): void {
  command
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .argument("[arguments...]")
    .action(act);
}
