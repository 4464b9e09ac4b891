// `fleet help`: a verb's help, or one of the topics that belong to no verb.
import { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { ready } from "#hub/cli/commands.ts";
import { type ExitName, exitCodes, exitMeanings } from "#hub/cli/exit.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { FleetError } from "#shared/errors.ts";

export function helpVerb(cli: Cli): Command {
  return new Command("help")
    .description("Explain a verb, or one of: exit-codes, jsonpath, environment.")
    .argument("<topic>")
    .action(async (topic: string) => {
      cli.terminal.out((await helpOn(cli, topic)).trimEnd());
    });
}

async function helpOn(cli: Cli, topic: string): Promise<string> {
  const { verbs } = cli;
  const text = Object.hasOwn(topics, topic) ? topics[topic]?.() : undefined;
  if (text !== undefined) return text;
  const entry = Object.hasOwn(verbs, topic) ? verbs[topic] : undefined;
  if (entry !== undefined)
    return wholeHelp(ready((await entry.load())(cli), cli, `fleet ${topic}`));
  const near = nearest(topic, [...Object.keys(verbs), ...Object.keys(topics)]);
  throw new FleetError("request_invalid", {
    message: `there is no verb or topic "${topic}"`,
    hint: near.length === 0 ? "See: fleet help" : `Did you mean: fleet help ${near.join(", ")}?`,
  });
}

/** With the examples, which commander adds only as it prints. */
function wholeHelp(verb: Command): string {
  const written: string[] = [];
  verb.configureOutput({ writeOut: (text) => void written.push(text) }).outputHelp();
  return written.join("");
}

const topics: Record<string, () => string> = {
  "exit-codes": () =>
    `Exit codes\n\n${(Object.keys(exitCodes) as ExitName[])
      .map((name) => `  ${String(exitCodes[name]).padStart(3)}  ${exitMeanings[name]}`)
      .join("\n")}`,
  jsonpath: () => jsonpathHelp,
  environment: () => environmentHelp,
};

const jsonpathHelp = `JSONPath: -o jsonpath=TEMPLATE, the part of kubectl's that is listed here

  text {path} text          text with what the path leads to; several results are parted by a space
  {"\\n"} {"\\t"}             a line break, a tab
  {range path}…{end}        the text between, once for each result; paths in it begin at the result
  .name ['name']            a field; quotes for names with dots
  [0] [-1] [1:3]            an item, the last one, items 1 and 2
  [*] .*                    all items or fields
  [?(@.sync=="Synced")]     items for which it holds: == != < <= > >=, or a path alone: it is there
  $                         the whole, also within a range

Lists have their things in .items; one named thing stands for itself. What is not there is empty.
Not supported: descent (..), unions ([a,b]), steps in slices, and functions.

  fleet get devices -o jsonpath='{range .items[?(@.sync!="Synced")]}{.id}{"\\n"}{end}'`;

const environmentHelp = `Environment

  FLEET_HUB        address of the hub, instead of the current context
  FLEET_TOKEN      token for it. A context's token is sent to no other hub than its own.
  XDG_CONFIG_HOME  contexts are kept in metrica-fleet/config.json below it (default: ~/.config)
  NO_COLOR         no colours
  FORCE_COLOR      colours in pipes too; 0: none
  FLEET_DEBUG      1: more words about unexpected errors`;
