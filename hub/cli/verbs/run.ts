// `fleet run`: runs any plan, with its parameters.
import { type Command, Option } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { FleetError } from "#shared/errors.ts";
import { orderRuns, type RunOptions, withRunOptions } from "./run_order.ts";

interface Options extends RunOptions {
  set: Record<string, string>;
}

export function runVerb(cli: Cli): Command {
  const command = verbCommand("run", "Run a plan on devices; which there are: fleet plans.")
    .argument("<plan>", "the plan's name")
    .argument("[name...]", "the devices' names");
  return withRunOptions(command)
    .addOption(
      new Option("--set <key=value>", "a parameter of the plan; may be given again")
        .argParser(parameters)
        .default({}, "none"),
    )
    .addHelpText(
      "after",
      examples(
        ["fleet run upgrade pi-1 --reason 'fair begins' --wait", "what is desired, now"],
        [
          "fleet run net-reconfig pi-1 --set INTERFACE=eth0 --set METHOD=dhcp --reason 'new switch'",
          "comes back by itself if the hub is not reached",
        ],
      ),
    )
    .action((plan: string, ids: string[], { set, ...options }: Options) =>
      orderRuns(cli, { plan, act: `run ${plan} on`, parameters: set }, ids, options),
    );
}

function parameters(text: string, before: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return { ...before, [key]: value };
  throw new FleetError("request_invalid", {
    message: `"${text}" is not a parameter`,
    hint: "Write --set APP=robots.",
  });
}
