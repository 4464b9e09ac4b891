// `fleet open`: a link that signs a browser in.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { rfc3339 } from "#hub/cli/terminal/age.ts";

export function openVerb(cli: Cli): Command {
  return verbCommand("open", "Print a link that signs a browser in to the hub's page, once.")
    .addHelpText("after", examples(["xdg-open $(fleet open)", "open the page at once"]))
    .action(async (options: ConnectionOptions) => {
      const client = await cli.connect(options);
      const { path, expiresAt } = await client.signInCode();
      cli.terminal.out(`${client.url}${path}`);
      cli.terminal.say(`Good for one sign-in until ${rfc3339(expiresAt)}.`);
    });
}
