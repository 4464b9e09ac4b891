// `fleet label` and `fleet set`: labels and values of devices, laid over what their files say.
import type { Command } from "commander";
import type { OverrideWish } from "#hub/cli/api/control.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { FleetError } from "#shared/errors.ts";
import { type Order, runOrder } from "./orders.ts";
import { type OrderOptions, orderCommand } from "./targets.ts";

interface Options extends OrderOptions {
  reset: string[];
}

export function labelVerb(cli: Cli): Command {
  return wordsCommand("label", "Label devices, over what their files say.", "KEY=VALUE or KEY-")
    .addHelpText(
      "after",
      `\nKEY- takes a label away; --reset gives it back to the files. What should last belongs into\ndevices/<name>.yaml.\n${examples(
        ["fleet label pi-1 ring=canary --reason 'tries new releases'", "one device"],
        ["fleet label pi-1 ring- --reason 'too busy for that'", "without the label"],
        ["fleet label -l site=north --reset ring --reason done", "as the files say"],
      )}`,
    )
    .action((words: string[], options: Options) => {
      const { names, edits } = split(words, /^([^=]+?)(?:=(.*)|-)$/);
      const labels = Object.fromEntries(edits.map(([, key = "", value]) => [key, value ?? null]));
      const { reset, reason } = options;
      return run(cli, names, { labels, reset: { labels: reset }, reason }, options);
    });
}

export function setVerb(cli: Cli): Command {
  return wordsCommand("set", "Set values of devices, over what their files say.", "NAME=VALUE")
    .addHelpText(
      "after",
      `\nAll apps of the device read them. --reset gives a value back to the files. Not for secrets.\n${examples(
        ["fleet set pi-1 LEVEL=debug --reason 'looking for a leak'", "one device"],
        ["fleet set -l site=north ROBOT_COUNT=4 --reason 'one is broken'", "a site"],
        ["fleet set pi-1 --reset LEVEL --reason 'found it'", "as the files say"],
      )}`,
    )
    .action((words: string[], options: Options) => {
      const { names, edits } = split(words, /^([^=]+)=(.*)$/s);
      const values = Object.fromEntries(edits.map(([, name = "", value = ""]) => [name, value]));
      const { reset, reason } = options;
      return run(cli, names, { values, reset: { values: reset }, reason }, options);
    });
}

function wordsCommand(name: string, summary: string, edit: string): Command {
  return orderCommand(name, summary, `devices' names, and ${edit}`).option(
    "--reset <name>",
    "give it back to the files; may stand several times",
    (text: string, before: string[]) => [...before, text],
    [],
  );
}

function split(words: readonly string[], edit: RegExp) {
  const edits = words.flatMap((word) => {
    const found = edit.exec(word);
    return found === null ? [] : [found];
  });
  return { names: words.filter((word) => !edit.test(word)), edits };
}

async function run(
  cli: Cli,
  names: readonly string[],
  wish: OverrideWish,
  options: Options,
): Promise<void> {
  const changes = [wish.labels, wish.values].flatMap((map) => Object.keys(map ?? {}));
  const all = [...changes, ...options.reset];
  if (all.length === 0) throw nothing();
  const order: Order = {
    act: `change ${all.join(", ")} on`,
    done: "changed",
    needless: () => undefined,
    send: (client, { id }) => client.control.override(id, wish),
  };
  await runOrder(cli, order, names, options);
}

function nothing(): FleetError {
  return new FleetError("request_invalid", {
    message: "nothing is to be changed",
    hint: "Say what: KEY=VALUE, or --reset KEY.",
  });
}
