// `fleet unpin`: removes pins; their devices follow their deployment again.
import type { Command } from "commander";
import { collect } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { pins } from "#hub/cli/resources/pins.ts";

interface Options extends ConnectionOptions {
  reason: string;
}

export function unpinVerb(cli: Cli): Command {
  return verbCommand("unpin", "Remove pins; their devices follow their deployment again.")
    .argument("<id...>", "as `fleet pins` lists them")
    .requiredOption("--reason <text>", "why, in words that others will read")
    .addHelpText(
      "after",
      `\nA device whose deployment moves by a policy gets the release in its turn.\n${examples(
        ["fleet pins", "which pins there are"],
        ["fleet unpin 7 --reason 'fair is over'", "one of them"],
      )}`,
    )
    .action(async (ids: string[], { reason, ...options }: Options) => {
      const client = await cli.connect(options);
      const names = ids.map((id) => id.replace(/^pin\//, ""));
      // One that does not exist stops the order before anything is done.
      await collect(pins.list(client, {}, names));
      for (const id of names) {
        await client.control.unpin(id, reason);
        cli.terminal.out(`pin/${id} removed`);
      }
    });
}
