// `fleet resume`: ends the pause after the hub's store was lost or restored.
import type { Command } from "commander";
import { collect } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import { printable } from "#hub/cli/terminal/text.ts";

interface Options extends ConnectionOptions {
  reason?: string;
  force?: true;
}

export function resumeVerb(cli: Cli): Command {
  return verbCommand("resume", "Let the fleet follow again after the hub was restored or lost.")
    .option("--reason <text>", "why, in words that others will read; without it only look")
    .option(
      "--force",
      "also when a commit that devices still have is gone from the repository; they get the newest",
    )
    .addHelpText(
      "after",
      `\nA halted rollout is another thing: fleet rollout resume.\n${examples(
        ["fleet resume", "is the fleet paused, why, and how many devices are back"],
        ["fleet resume --reason 'all are back'", "lets it follow again"],
      )}`,
    )
    .action((options: Options) => resume(cli, options));
}

async function resume(cli: Cli, options: Options): Promise<void> {
  const { terminal } = cli;
  const client = await cli.connect(options);
  const { reason, force } = options;
  if (reason !== undefined) {
    await client.backups.endPause({ reason, force: force === true });
    return terminal.out("fleet resumed");
  }
  const pause = await client.backups.pause();
  if (!pause.paused) return terminal.out("not paused");
  terminal.out(`paused since ${rfc3339(pause.at ?? 0)}`);
  const devices = await collect(client.devices());
  const back = devices.filter(({ lastSeenAt }) => (lastSeenAt ?? 0) >= (pause.at ?? 0)).length;
  terminal.say(printable(`Why: ${pause.reason ?? ""}`));
  terminal.say(`${back} of ${devices.length} known devices have spoken since.`);
  terminal.say("Let it follow again with: fleet resume --reason '…'");
}
