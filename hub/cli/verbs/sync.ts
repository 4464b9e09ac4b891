// `fleet sync`: makes the hub fetch the fleet repository now, and devices look and report, and says what came of it.
import type { Command } from "commander";
import type { Client, FleetView } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { durationOption, examples, selectorOption, verbCommand } from "#hub/cli/options.ts";
import { deviceNames } from "#hub/cli/resources/names.ts";
import { shortId } from "#hub/cli/resources/resource.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { FleetError } from "#shared/errors.ts";
import { askDevices, isScoped, type Scope, waitForReports } from "./sync_devices.ts";

interface Options extends ConnectionOptions, Omit<Scope, "names"> {
  wait: boolean;
  /** Ms. */
  timeout: number;
}

const lookEveryMs = 200;

export function syncVerb(cli: Cli): Command {
  return verbCommand("sync", "Make the hub fetch the fleet repository now, and devices look.")
    .argument("[name...]", "devices that are to look and report as well")
    .addOption(selectorOption())
    .option("--site <site>", "the devices of a site")
    .option("--deployment <name>", "the devices of a deployment")
    .option("--all", "every device")
    .option("--no-wait", "do not wait for the fetch to end, nor for devices to report")
    .addOption(durationOption("--timeout", "how long to wait for it", "30s"))
    .addHelpText(
      "after",
      `\nExit code 1: a branch's newest commit was refused; 3: the repository could not be fetched, or\na device has not reported in time.\n${examples(
        ["git push && fleet sync", "instead of waiting for the next look"],
        ["fleet sync --site north", "the devices of a site look and report as well"],
        ["fleet sync && fleet wait -l site=north --for=sync=Synced", "until it is live"],
      )}`,
    )
    .action((words: string[], options: Options) => {
      const names = deviceNames(words);
      const { selector, site, deployment, all } = options;
      const scope = defined({ selector, site, deployment, all });
      return isScoped({ names, ...scope })
        ? syncDevices(cli, { names, ...scope }, options)
        : sync(cli, options);
    });
}

function defined<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

async function syncDevices(cli: Cli, scope: Scope, options: Options): Promise<void> {
  const client = await cli.connect(options);
  const awaited = await askDevices(cli, client, scope);
  tell(cli, await client.fleet());
  if (options.wait) await waitForReports(cli, awaited, options.timeout);
}

async function sync(cli: Cli, options: Options): Promise<void> {
  const client = await cli.connect(options);
  const before = await client.fleet();
  await client.fetchRepository();
  if (!options.wait) return cli.terminal.say("The hub fetches the repository.");
  const first = await fetched(cli, client, before, options.timeout);
  // The hub begins the next fetch only when it has taken in what the one before brought.
  await client.fetchRepository();
  tell(cli, await fetched(cli, client, first, options.timeout));
}

/** The hub's clock says when it fetched last; a fetch that failed leaves that as it was. */
async function fetched(
  { clock, terminal }: Cli,
  client: Client,
  before: FleetView,
  timeoutMs: number,
): Promise<FleetView> {
  const endMs = clock.monotonicMs() + timeoutMs;
  let now = before;
  while (now.repository.fetchedAt === before.repository.fetchedAt) {
    const isOver = clock.monotonicMs() >= endMs;
    const hasBroken = before.repository.reachable && !now.repository.reachable;
    if (hasBroken || isOver) throw notFetched(now);
    terminal.progress("The hub fetches the repository …");
    await clock.sleep(lookEveryMs);
    now = await client.fleet();
  }
  return now;
}

function notFetched({ repository }: FleetView): FleetError {
  const { problem, hint, url } = repository;
  return new FleetError("repository_unreachable", {
    message: problem ?? `the hub did not fetch ${url} in time`,
    hint: hint ?? "See the hub's log, or wait longer with --timeout.",
  });
}

function tell({ terminal, end }: Cli, { repository, branches }: FleetView): void {
  for (const { branch, head, accepted, refusal } of branches) {
    const isTaken = refusal === null;
    const words = isTaken ? "accepted" : `refused, stays at ${shortId(accepted) || "nothing"}`;
    terminal.out(`${branch} ${shortId(head)} ${words}`);
    if (!isTaken) terminal.say(`${branch}: ${printable(refusal)}`);
  }
  if (repository.problem !== null) terminal.say(printable(repository.problem));
  if (branches.some(({ refusal }) => refusal !== null)) end(exitCodes.partly);
}
