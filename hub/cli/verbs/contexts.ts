// `fleet contexts`: the hubs that are known here.
import { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { type Context, type Contexts, createContextFile } from "#hub/cli/session/contexts.ts";
import { contextNamed } from "#hub/cli/session/target.ts";
import { createTable } from "#hub/cli/terminal/table.ts";

export function contextsVerb(cli: Cli): Command {
  return new Command("contexts")
    .description("List the hubs that are known here, choose one, or remove one with its token.")
    .helpCommand(false)
    .addHelpText("after", examples(["fleet contexts use staging", "from now on"]))
    .action(() => list(cli))
    .addCommand(
      new Command("use")
        .description("Speak to this hub from now on.")
        .argument("<name>", "as `fleet contexts` lists it")
        .addHelpText("after", examples(["fleet contexts use staging", "until the next such word"]))
        .action((name: string) => use(cli, name)),
    )
    .addCommand(
      new Command("remove")
        .description("Forget this hub and its token.")
        .argument("<name>", "as `fleet contexts` lists it")
        .addHelpText("after", examples(["fleet contexts remove staging", "its token stays good"]))
        .action((name: string) => remove(cli, name)),
    );
}

async function list({ terminal, env }: Cli): Promise<void> {
  const { current, contexts } = await createContextFile(env).read();
  const rows = Object.entries(contexts);
  if (rows.length === 0) return terminal.say("No hub is known yet: fleet login URL");
  const table = createTable<[string, Context]>(
    [
      { title: "CURRENT", text: ([name]) => (name === current ? "*" : " ") },
      { title: "NAME", text: ([name]) => name },
      { title: "HUB", text: ([, { url }]) => url },
    ],
    terminal,
  );
  terminal.out(table.lines(rows).join("\n"));
}

async function use({ terminal, env }: Cli, name: string): Promise<void> {
  const file = createContextFile(env);
  const known = await file.read();
  const { url } = contextNamed(known, name);
  await file.write({ ...known, current: name });
  terminal.say(`Speaking to ${url} from now on.`);
}

async function remove({ terminal, env }: Cli, name: string): Promise<void> {
  const file = createContextFile(env);
  const known = await file.read();
  contextNamed(known, name);
  await file.write(without(known, name));
  terminal.say(`The hub and its token are forgotten here; the token itself stays good.`);
}

function without({ current, contexts }: Contexts, name: string): Contexts {
  const { [name]: _, ...others } = contexts;
  return { current: current === name ? null : current, contexts: others };
}
