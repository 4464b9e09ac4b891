// `fleet runs`: what was ordered, by whom and when, and what became of it.
import { type Command, Option } from "commander";
import type { RunView } from "#hub/api/run_view.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { runs, runTone } from "#hub/cli/resources/runs.ts";
import { shortDuration } from "#hub/cli/terminal/age.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { createPage } from "#hub/cli/views/page.ts";
import { runStates } from "#hub/run/model.ts";
import { printList } from "./listing.ts";

interface Options extends ConnectionOptions {
  output: Output;
  device?: string;
  plan?: string;
  state?: string;
  limit: number;
  headers: boolean;
}

export function runsVerb(cli: Cli): Command {
  return verbCommand("runs", "List runs of plans, newest first, or show one with its steps.")
    .argument("[run]", "only this one")
    .option("--device <name>", "only of this device", deviceName)
    .option("--plan <plan>", "only of this plan")
    .addOption(new Option("--state <state>", "only in this state").choices(runStates))
    .option("--limit <n>", "no more than n", count, 20)
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet runs --state Failed", "what did not go well"],
        ["fleet runs --device pi-1 -o wide", "the history of one device"],
        ["fleet logs run/0mi9x2k1qz3fa7c -f", "the output of a run"],
      ),
    )
    .action((name: string | undefined, options: Options) => show(cli, name, options));
}

async function show(
  cli: Cli,
  name: string | undefined,
  { output, headers, limit, device, plan, state, ...connection }: Options,
): Promise<void> {
  const client = await cli.connect(connection);
  if (name === undefined) {
    const query = { device, plan, state, limit: Math.min(limit, 500) };
    return printList(cli, client, runs, { names: [], query, output, headers, limit });
  }
  const run = await client.runs.get(name.replace(/^run\//, ""));
  if (await printStructured(cli.terminal, output, run)) return;
  if (output.kind === "name") cli.terminal.out(`run/${run.id}`);
  else printRun(cli.terminal, run, cli.clock.now());
}

function printRun(terminal: Terminal, run: RunView, now: number): void {
  const page = createPage(terminal);
  const { out, paint } = terminal;
  out(`${paint(`Run ${run.id} of ${run.plan}`, "bold")}  ${paint(run.state, runTone(run.state))}`);
  page.line("Device", run.device);
  page.line("Ordered by", `${run.operator}: ${run.reason}`);
  page.line("Ordered", `${shortDuration(now - run.orderedAt)} ago`);
  page.line("Took", run.endedAt === null ? undefined : shortDuration(run.endedAt - run.orderedAt));
  page.line("Request", run.request);
  const given = Object.entries(run.parameters).map(([key, value]) => `${key}=${value}`);
  page.line("Parameters", given.join(" "));
  page.line("Outcome", run.message ?? undefined, runTone(run.state));
  page.heading("Steps");
  page.table(stepColumns, run.steps);
}

const stepColumns: Column<RunView["steps"][number]>[] = [
  { title: "STEP", text: ({ kind }) => kind },
  { title: "STATE", text: ({ state }) => state },
  { title: "TRY", text: ({ attempt, retries }) => `${attempt}/${retries + 1}` },
  {
    title: "TOOK",
    text: ({ startedAt, endedAt }) =>
      startedAt === null || endedAt === null ? "" : shortDuration(endedAt - startedAt),
  },
  { title: "MESSAGE", text: ({ message }) => message ?? "" },
];
