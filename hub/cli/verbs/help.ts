// `fleet help`: a verb's help, or one of the topics that belong to no verb.
import { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { ready } from "#hub/cli/commands.ts";
import { examples } from "#hub/cli/options.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { topics } from "#hub/cli/topics.ts";
import { FleetError } from "#shared/errors.ts";

export function helpVerb(cli: Cli): Command {
  return new Command("help")
    .description("Explain a verb, or one of: exit-codes, jsonpath, environment.")
    .argument("<topic>", "a verb, or one of those")
    .argument("[word]", "one of the verb's own, as in: rollout status")
    .addHelpText(
      "after",
      examples(
        ["fleet help rollout", "a verb"],
        ["fleet help exit-codes", "what a script can rest a decision on"],
      ),
    )
    .action(async (topic: string, word: string | undefined) => {
      cli.terminal.out((await helpOn(cli, topic, word)).trimEnd());
    });
}

async function helpOn(cli: Cli, topic: string, word: string | undefined): Promise<string> {
  const { verbs } = cli;
  const text = Object.hasOwn(topics, topic) ? topics[topic]?.() : undefined;
  if (text !== undefined) return text;
  const entry = Object.hasOwn(verbs, topic) ? verbs[topic] : undefined;
  if (entry !== undefined) {
    const verb = ready((await entry.load())(cli), cli, `fleet ${topic}`);
    return wholeHelp(word === undefined ? verb : childOf(verb, topic, word));
  }
  const near = nearest(topic, [...Object.keys(verbs), ...Object.keys(topics)]);
  throw new FleetError("request_invalid", {
    message: `there is no verb or topic "${topic}"`,
    hint: near.length === 0 ? "See: fleet help" : `Did you mean: fleet help ${near.join(", ")}?`,
  });
}

function childOf(verb: Command, topic: string, word: string): Command {
  const found = verb.commands.find((child) => child.name() === word);
  if (found !== undefined) return found;
  const near = nearest(
    word,
    verb.commands.map((child) => child.name()),
  );
  throw new FleetError("request_invalid", {
    message: `${topic} has no word "${word}"`,
    hint: `See: fleet help ${[topic, ...near.slice(0, 1)].join(" ")}`,
  });
}

/** With the examples, which commander adds only as it prints. */
function wholeHelp(verb: Command): string {
  const written: string[] = [];
  verb.configureOutput({ writeOut: (text) => void written.push(text) }).outputHelp();
  return written.join("");
}
