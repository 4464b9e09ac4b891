// `fleet phases` and `fleet phase`: where devices are in their life, and how a person moves them.
import { type Command, Option } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { deviceNames } from "#hub/cli/resources/names.ts";
import { phases } from "#hub/cli/resources/runs.ts";
import { requirePhases } from "#hub/cli/resources/unknown.ts";
import { Phase } from "#hub/run/phase.ts";
import { printList } from "./listing.ts";

interface ListOptions extends ConnectionOptions {
  output: Output;
  phase?: string;
  headers: boolean;
}

export function phasesVerb(cli: Cli): Command {
  return verbCommand("phases", "List devices, imported ones too, with the phase of their life.")
    .argument("[name...]", "only these devices")
    .addOption(new Option("--phase <phase>", "only in this phase").choices(Phase.options))
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText("after", examples(["fleet phases --phase MAINTENANCE -o wide", "who needs help"]))
    .action(async (names: string[], { output, phase, headers, ...connection }: ListOptions) => {
      const client = await cli.connect(connection);
      const listing = { names: deviceNames(names), query: { phase }, output, headers };
      await printList(cli, client, phases, listing);
    });
}

interface PlaceOptions extends ConnectionOptions {
  to: string;
  reason: string;
}

export function phaseVerb(cli: Cli): Command {
  return verbCommand("phase", "Take devices out of service by hand, or let them return.")
    .argument("<name...>", "the devices' names")
    .addOption(
      new Option("--to <phase>", "MAINTENANCE: out of service; READY: mended, back into it")
        .choices(["READY", "MAINTENANCE"])
        .makeOptionMandatory(),
    )
    .requiredOption("--reason <text>", "why, in words that others will read")
    .addHelpText(
      "after",
      examples(["fleet phase pi-1 --to READY --reason 'cable was loose'", "mended"]),
    )
    .action(async (names: string[], { to, reason, ...connection }: PlaceOptions) => {
      const client = await cli.connect(connection);
      const ids = deviceNames(names);
      // One that does not exist stops the order before anything is done.
      await requirePhases(client, ids);
      for (const name of ids) {
        const { device, phase } = await client.runs.place(name, to, reason);
        cli.terminal.out(`device/${device} is ${phase}`);
      }
    });
}
