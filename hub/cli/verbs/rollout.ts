// `fleet rollout`: see and steer how releases move through the fleet.
import { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { bisectCommand } from "./rollout_bisect.ts";
import { listCommand, previewCommand, statusCommand } from "./rollout_look.ts";
import { orderCommand, orderNames } from "./rollout_orders.ts";

export function rolloutVerb(cli: Cli): Command {
  const verb = new Command("rollout")
    .description("See and steer how releases move through the fleet.")
    .helpCommand(false)
    .addCommand(listCommand(cli))
    .addCommand(statusCommand(cli))
    .addCommand(previewCommand(cli));
  for (const name of orderNames) verb.addCommand(orderCommand(cli, name));
  return verb
    .addCommand(bisectCommand(cli))
    .addHelpText(
      "after",
      examples(
        ["fleet rollout preview robots", "what would change"],
        ["fleet rollout status robots -w", "follow it"],
        ["fleet rollout undo robots --reason 'it loses orders'", "back to the last good release"],
        ["fleet rollout bisect robots --reason 'who broke it?' -w", "name the commit"],
      ),
    );
}
