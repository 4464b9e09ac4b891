// `fleet pins`: what is pinned, by whom and why.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { pins } from "#hub/cli/resources/pins.ts";
import { printList } from "./listing.ts";

interface Options extends ConnectionOptions {
  output: Output;
  deployment?: string;
  device?: string;
  headers: boolean;
}

export function pinsVerb(cli: Cli): Command {
  return verbCommand("pins", "List pins, and undone rollouts, which pin until Git agrees.")
    .argument("[id...]", "only these")
    .option("--deployment <name>", "of one deployment")
    .option("--device <name>", "pins of this one device alone")
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText("after", examples(["fleet pins -o wide", "with releases and branches"]))
    .action(async (names: string[], given: Options) => {
      const { output, headers, deployment, device, ...options } = given;
      const listing = { names, query: { deployment, device }, output, headers };
      await printList(cli, await cli.connect(options), pins, listing);
    });
}
