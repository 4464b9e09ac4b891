// `fleet rma`: the plan `rma` on devices.
import type { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { orderRuns, type RunOptions, runCommand } from "./run_order.ts";

const wish = { plan: "rma", act: "rma", parameters: {}, isGrave: true };

export function rmaVerb(cli: Cli): Command {
  return runCommand(
    "rma",
    "Take devices out for good; their identity ends until the hardware is replaced.",
  )
    .addHelpText(
      "after",
      examples(["fleet rma pi-1 --reason 'SD card is dead' --yes", "without asking"]),
    )
    .action((names: string[], options: RunOptions) => orderRuns(cli, wish, names, options));
}
