// `fleet version`: the version of this command, and of the hub when asked.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import pkg from "#package.json" with { type: "json" };

export function versionVerb(cli: Cli): Command {
  return verbCommand("version", "Print the version of this command, and of the hub with --hub.")
    .option("--hub", "ask the hub too")
    .addHelpText("after", examples(["fleet version --hub", "do both fit together?"]))
    .action(async (options: ConnectionOptions & { hub?: true }) => {
      cli.terminal.out(`fleet ${pkg.version}`);
      if (options.hub !== true) return;
      const client = await cli.connect(options);
      const { info } = (await client.document()) as { info: { version: string } };
      cli.terminal.out(`hub ${info.version} at ${client.url}`);
    });
}
