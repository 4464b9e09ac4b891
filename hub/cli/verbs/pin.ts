// `fleet pin`: keeps a deployment, devices with labels or one device at a release.
import type { Command } from "commander";
import { type Client, collect } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { argument, examples, selectorOption, verbCommand } from "#hub/cli/options.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { shortId } from "#hub/cli/resources/resource.ts";
import { deploymentNamed, requireDevices } from "#hub/cli/resources/unknown.ts";
import { parseUntil, rfc3339 } from "#hub/cli/terminal/age.ts";
import { FleetError } from "#shared/errors.ts";
import { confirmTargets } from "./targets.ts";

interface Options extends ConnectionOptions {
  to: string;
  reason: string;
  device?: string;
  selector?: string;
  /** Unix ms. */
  until?: number;
  yes?: true;
  dryRun?: true;
}

export function pinVerb(cli: Cli): Command {
  return verbCommand("pin", "Keep devices at a release, whatever Git says meanwhile.")
    .argument("[deployment]", "may be left out where --device has only one")
    .requiredOption(
      "--to <commit>",
      "a commit or a release's digest, or its first 7 digits or more",
    )
    .requiredOption("--reason <text>", "why, in words that others will read")
    .option("--device <name>", "only this device", deviceName)
    .addOption(selectorOption())
    .option(
      "--until <when>",
      "it ends by itself: after a duration (2d), or at a time (2027-01-07T06:00:00Z)",
      argument((text) => parseUntil(text, cli.clock.now())),
    )
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "only list the devices")
    .addHelpText("after", help)
    .action((deployment: string | undefined, options: Options) => pin(cli, deployment, options));
}

const help = `
Release and values are as the commit has them; labels, windows and locks stay those of today. The
device's own pin goes before one by labels, and that before one of the whole deployment. Rollouts go
on without pinned devices. Exit code 7: not confirmed, nothing was done.
${examples(
  ["fleet history deployment robots", "which releases there were"],
  [
    "fleet pin robots --to 1a2b3c4 -l site=north --until 2d --reason fair",
    "a site, until the day after tomorrow",
  ],
  ["fleet pin --device pi-1 --to 1a2b3c4 --reason 'new sensor'", "one device"],
  ["fleet unpin 7 --reason 'fair is over'", "and back"],
)}`;

async function pin(cli: Cli, deployment: string | undefined, options: Options): Promise<void> {
  const { device, selector, to, reason, until } = options;
  if (device !== undefined && selector !== undefined) throw both();
  const client = await cli.connect(options);
  const ids = await idsOf(client, deployment, options);
  const act = `pin to ${to.slice(0, 12)}`;
  const isNamed = device !== undefined;
  if (!(await confirmTargets(cli, { act, ids, isNamed }, options))) return;
  const made = await client.control.pin({
    ...{ to, reason },
    ...(deployment === undefined ? {} : { deployment }),
    ...(device === undefined ? {} : { device }),
    ...(selector === undefined ? {} : { labelSelector: selector }),
    ...(until === undefined ? {} : { until }),
  });
  const end = until === undefined ? "" : ` until ${rfc3339(until)}`;
  cli.terminal.out(`pin/${made.id} ${made.deployment} at ${shortId(made.commit)}${end}`);
}

/** The devices that it holds for now. */
async function idsOf(
  client: Client,
  deployment: string | undefined,
  { device, selector }: Options,
): Promise<string[]> {
  if (device !== undefined) {
    await requireDevices(client, [device]);
    return [device];
  }
  if (deployment === undefined) throw which();
  const known = await deploymentNamed(client, deployment);
  const labelSelector = [known.labelSelector, selector ?? ""].filter(Boolean).join(",");
  return (await collect(client.devices({ labelSelector }))).map(({ id }) => id);
}

function both(): FleetError {
  return new FleetError("request_invalid", {
    message: "give --device or -l, not both",
    hint: "A pin holds one device, or all with some labels.",
  });
}

function which(): FleetError {
  return new FleetError("request_invalid", {
    message: "which deployment? Only with --device it may be left out",
    hint: "List them with: fleet get deployments.",
  });
}
