// `fleet restore`: begins a hub from a backup. It works on the hub's machine, while no hub runs there.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { examples } from "#hub/cli/options.ts";
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import { removeOnSignal } from "#hub/cli/terminal/signals.ts";
import { isTemporary } from "#shared/files.ts";

export function restoreVerb(cli: Cli): Command {
  return new Command("restore")
    .description("Begin a hub from a backup, in an empty data directory on the hub's machine.")
    .argument("<file>", "what `fleet backup` has written")
    .requiredOption("--data <directory>", "the hub's data directory; it must be empty")
    .addHelpText(
      "after",
      `\nThe hub then begins paused: it takes in what devices were told since, and asks nothing new of them
until \`fleet resume\`.\n${examples([
        "fleet restore fleet.tar.gz --data /srv/fleet",
        "then start the hub with --data /srv/fleet",
      ])}`,
    )
    .action((file: string, options: { data: string }) => restore(cli, file, options.data));
}

function temporaryIn(directory: string): string[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  return names.filter(isTemporary).map((name) => join(directory, name));
}

async function restore({ terminal, clock }: Cli, file: string, directory: string): Promise<void> {
  const { restoreBackup } = await import("#hub/backup/restore.ts");
  const { hasKeys } = await import("#hub/backup/manifest.ts");
  terminal.progress("Reading and checking the backup …");
  // Keys among it, and the directory would not be empty for the next try.
  const forget = removeOnSignal(() => temporaryIn(directory));
  const manifest = await restoreBackup({ file, directory, clock }).finally(forget);
  terminal.progress(undefined);
  terminal.out(directory);
  terminal.say(`Restored: ${manifest.devices} devices as of ${rfc3339(manifest.at)}.`);
  terminal.say("What to do next:");
  const steps = [
    ...(hasKeys(manifest)
      ? []
      : [
          `Put the hub's signing-key.pem (mode 600) into ${directory}: devices follow no other key.`,
        ]),
    `Start the hub with --data ${directory} and the repository that it had.`,
    "Wait until the devices are back: fleet get devices",
    "Let the fleet follow again: fleet resume --reason '…'",
  ];
  for (const [at, step] of steps.entries()) terminal.say(`  ${at + 1}. ${step}`);
}
