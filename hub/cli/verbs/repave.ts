// `fleet repave`: the plan `repave-join` on devices.
import type { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { orderRuns, type RunOptions, runCommand } from "./run_order.ts";

const wish = { plan: "repave-join", act: "repave", parameters: {}, isGrave: true };

export function repaveVerb(cli: Cli): Command {
  return runCommand(
    "repave",
    "Make devices anew: everything on them goes, then they install what they should run.",
  )
    .addHelpText(
      "after",
      examples(["fleet repave pi-1 --reason 'new site' --yes", "without asking"]),
    )
    .action((names: string[], options: RunOptions) => orderRuns(cli, wish, names, options));
}
