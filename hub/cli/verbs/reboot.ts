// `fleet reboot`: the plan `reboot` on devices.
import type { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { orderRuns, type RunOptions, runCommand } from "./run_order.ts";

const wish = { plan: "reboot", act: "reboot", parameters: {} };

export function rebootVerb(cli: Cli): Command {
  return runCommand("reboot", "Let the apps go, restart devices and wait until all is well again.")
    .addHelpText(
      "after",
      examples(["fleet reboot pi-1 --reason 'clock stands' --wait", "one device"]),
    )
    .action((names: string[], options: RunOptions) => orderRuns(cli, wish, names, options));
}
