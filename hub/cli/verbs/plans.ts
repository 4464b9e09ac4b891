// `fleet plans`: which plans there are, and what one of them does.
import type { Command } from "commander";
import type { PlanView } from "#hub/api/run_view.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { plans } from "#hub/cli/resources/runs.ts";
import { requirePlan } from "#hub/cli/resources/unknown.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { createPage } from "#hub/cli/views/page.ts";
import { printList } from "./listing.ts";

interface Options extends ConnectionOptions {
  output: Output;
  headers: boolean;
}

export function plansVerb(cli: Cli): Command {
  return verbCommand("plans", "List plans, or show one with its parameters and steps.")
    .argument("[plan]", "only this one")
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet plans", "built in, and of the repository's plans/*.yaml"],
        ["fleet plans net-reconfig", "what it needs and does"],
      ),
    )
    .action(async (name: string | undefined, { output, headers, ...connection }: Options) => {
      const client = await cli.connect(connection);
      if (name === undefined) {
        return printList(cli, client, plans, { names: [], query: {}, output, headers });
      }
      await requirePlan(client, name);
      const plan = await client.runs.plan(name);
      if (await printStructured(cli.terminal, output, plan)) return;
      if (output.kind === "name") cli.terminal.out(`plan/${plan.name}`);
      else printPlan(cli.terminal, plan);
    });
}

function printPlan(terminal: Terminal, plan: PlanView): void {
  const page = createPage(terminal);
  terminal.out(terminal.paint(`Plan ${plan.name}`, "bold"));
  page.line("Does", plan.description);
  page.line("Comes from", plan.commit ?? "the hub itself");
  page.line("Run from", plan.from.join(", "));
  page.line("Phases", `${plan.during}, then ${plan.after}`);
  if (plan.parameters.length > 0) page.heading("Parameters");
  page.table(
    [
      { title: "NAME", text: ({ name }) => name },
      { title: "DEFAULT", text: (one) => one.default ?? "must be given" },
      { title: "MEANING", text: ({ description }) => description ?? "" },
    ],
    plan.parameters,
  );
  page.heading("Steps");
  page.table(
    [
      { title: "STEP", text: ({ kind }) => kind },
      { title: "TRIES", text: ({ retries }) => String(retries + 1) },
    ],
    plan.steps,
  );
}
