// `fleet releases`: releases with the commits that they came from.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { releases } from "#hub/cli/resources/fleet.ts";
import { printList } from "./listing.ts";

interface Options extends ConnectionOptions {
  output: Output;
  role?: string;
  limit?: number;
  headers: boolean;
}

export function releasesVerb(cli: Cli): Command {
  return verbCommand("releases", "List releases, newest first.")
    .argument("[digest...]", "only these, by the first signs of their digests")
    .option("--role <role>", "of one role")
    .option("--limit <n>", "no more than n", count)
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet releases --role player --limit 5", "the last five of a role"],
        ["fleet releases 1a2b3c -o yaml", "one release with all its commits"],
      ),
    )
    .action(async (names: string[], { output, role, limit, headers, ...options }: Options) => {
      const bound = limit === undefined ? {} : { limit };
      const listing = { names, query: { role }, output, headers, ...bound };
      await printList(cli, await cli.connect(options), releases, listing);
    });
}
