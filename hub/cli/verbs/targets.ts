// The devices that an order goes to: named ones, or many by selector after a count, a list and a yes.
import type { Command } from "commander";
import { type Client, collect } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { selectorOption, verbCommand } from "#hub/cli/options.ts";
import { deviceNames } from "#hub/cli/resources/names.ts";
import { noDeviceMatches, requireDevices } from "#hub/cli/resources/unknown.ts";
import { FleetError } from "#shared/errors.ts";

export interface OrderOptions extends ConnectionOptions {
  reason: string;
  selector?: string;
  all?: true;
  yes?: true;
  dryRun?: true;
}

export function orderCommand(name: string, summary: string, names = "the devices' names"): Command {
  return verbCommand(name, summary)
    .argument("[name...]", names)
    .addOption(selectorOption())
    .option("--all", "every device")
    .requiredOption("--reason <text>", "why, in words that others will read")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "only list the devices")
    .addHelpText("after", orderExits);
}

const orderExits = `
Exit code 1: some devices did not take it; 7: not confirmed, nothing was done.`;

/** Undefined when the person said no, nobody could be asked, or it was only to be listed.
 *  @throws FleetError request_invalid, not_found */
export async function chooseTargets(
  cli: Cli,
  client: Client,
  act: string,
  names: readonly string[],
  options: OrderOptions,
): Promise<string[] | undefined> {
  const ids = await idsOf(client, names, options);
  const isSure = await confirmTargets(cli, { act, ids, isNamed: names.length > 0 }, options);
  return isSure ? ids : undefined;
}

/** Devices that nobody has named are counted and listed, and somebody must say yes.
 *  @returns whether it is to be done */
export async function confirmTargets(
  cli: Cli,
  { act, ids, isNamed }: { act: string; ids: readonly string[]; isNamed: boolean },
  { yes, dryRun }: Pick<OrderOptions, "yes" | "dryRun">,
): Promise<boolean> {
  cli.terminal.progress(undefined);
  const needsYes = !isNamed && yes !== true;
  if (needsYes || dryRun === true) tellTargets(cli, act, ids);
  if (dryRun === true) return false;
  if (!needsYes || (await isConfirmed(cli, act, ids.length))) return true;
  cli.terminal.say("Nothing was done.");
  cli.end(exitCodes.unconfirmed);
  return false;
}

async function idsOf(
  client: Client,
  names: readonly string[],
  { selector, all }: OrderOptions,
): Promise<string[]> {
  const ways = [names.length > 0, selector !== undefined, all === true].filter(Boolean);
  if (ways.length !== 1) {
    throw new FleetError("request_invalid", {
      message: "which devices? Give either names, -l SELECTOR or --all",
      hint: "For example: -l site=north",
    });
  }
  if (names.length > 0) {
    const ids = deviceNames(names);
    await requireDevices(client, ids);
    return ids;
  }
  const query = selector === undefined ? {} : { labelSelector: selector };
  const ids = (await collect(client.devices(query))).map(({ id }) => id);
  if (ids.length > 0) return ids;
  throw noDeviceMatches(selector);
}

const listed = 20;

function tellTargets({ terminal }: Cli, act: string, ids: readonly string[]): void {
  terminal.say(`${ids.length} ${ids.length === 1 ? "device" : "devices"} to ${act}:`);
  for (const id of ids.slice(0, listed)) terminal.say(`  ${id}`);
  if (ids.length > listed) terminal.say(`  … and ${ids.length - listed} more`);
}

async function isConfirmed({ terminal }: Cli, act: string, count: number): Promise<boolean> {
  if (!terminal.canAsk) {
    terminal.say("This is no terminal, so nobody can be asked. Say yes beforehand with --yes.");
    return false;
  }
  const { askYes } = await import("#hub/cli/terminal/prompt.ts");
  return askYes(`Really ${act} ${count === 1 ? "it" : `all ${count}`}?`);
}
