// `fleet cancel`: ends a run at once, named by its id or by its device.
import type { Command } from "commander";
import type { Client } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { FleetError } from "#shared/errors.ts";

export function cancelVerb(cli: Cli): Command {
  return verbCommand("cancel", "Cancel a run at once; its device needs intervention then.")
    .argument("<name>", "a run, or the device on which it goes on")
    .requiredOption("--reason <text>", "why, in words that others will read")
    .addHelpText(
      "after",
      examples(
        ["fleet cancel pi-1 --reason 'wrong device'", "whatever goes on there"],
        ["fleet phase pi-1 --to READY --reason 'looked at it'", "back into service afterwards"],
      ),
    )
    .action(
      async (name: string, { reason, ...connection }: ConnectionOptions & { reason: string }) => {
        const client = await cli.connect(connection);
        const run = await client.runs.cancel(await runNamed(client, name), reason);
        cli.terminal.out(`run/${run.id} ${run.plan} on ${run.device}: ${run.state}`);
      },
    );
}

async function runNamed(client: Client, word: string): Promise<string> {
  if (word.startsWith("run/")) return word.slice("run/".length);
  const name = deviceName(word);
  const phase = await client.runs.findPhase(name);
  if (phase === undefined) return name;
  if (phase.run !== null) return phase.run;
  throw new FleetError("not_found", {
    message: `no run goes on on ${name}`,
    subject: name,
    hint: `See what there was: fleet runs --device ${name}`,
  });
}
