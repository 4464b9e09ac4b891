// The part of `fleet sync` that is about devices: they look and report now, and the command waits for that.
import type { DeviceSummary } from "#hub/api/device_view.ts";
import { type Client, collect } from "#hub/cli/api/client.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { deploymentNamed, noDeviceMatches, requireDevices } from "#hub/cli/resources/unknown.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import type { SyncOutcome } from "#hub/control/sync.ts";
import { FleetError } from "#shared/errors.ts";

export interface Scope {
  names: readonly string[];
  selector?: string;
  site?: string;
  deployment?: string;
  all?: true;
}

export function isScoped({ names, ...rest }: Scope): boolean {
  return names.length > 0 || Object.values(rest).some((one) => one !== undefined);
}

/** Devices that are to answer. */
export interface Awaited {
  /** By name, the time that each gave its last report. */
  before: ReadonlyMap<string, number | null>;
  /** Reads all devices of the scope again. */
  read(): Promise<DeviceSummary[]>;
}

/** Asks for the look.
 *  @returns the connected devices, as they had reported before
 *  @throws FleetError not_found, request_invalid */
export async function askDevices(cli: Cli, client: Client, scope: Scope): Promise<Awaited> {
  const query = await queryOf(client, scope);
  const read = (): Promise<DeviceSummary[]> => devicesOf(client, scope, query);
  const devices = await read();
  if (devices.length === 0) throw noDeviceMatches(scope.selector);
  const present = devices.filter(({ connection }) => connection === "Online");
  const before = new Map(present.map(({ id, reportedAt }) => [id as string, reportedAt]));
  cli.terminal.progress("The hub fetches the repository …");
  const outcomes = await ask(client, scope, query);
  cli.terminal.progress(undefined);
  const sum = (field: "devices" | "asked"): number =>
    outcomes.reduce((total, outcome) => total + outcome[field], 0);
  cli.terminal.say(`${sum("asked")} of ${sum("devices")} devices are connected and look now.`);
  const problem = outcomes.find(({ fetched }) => !fetched)?.problem;
  if (problem !== undefined) {
    const why = problem === null ? " in time." : `: ${printable(problem)}`;
    cli.terminal.say(`The repository was not fetched${why}`);
    cli.end(exitCodes.unreachable);
  }
  return { before, read };
}

async function ask(
  client: Client,
  { names, deployment }: Scope,
  { labelSelector }: Query,
): Promise<SyncOutcome[]> {
  if (names.length === 0) {
    return [
      await client.control.sync({
        ...(deployment === undefined ? {} : { deployment }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
      }),
    ];
  }
  return await inTurns(names, (name) => client.control.syncDevice(name));
}

interface Query {
  /** Without the deployment's own. */
  labelSelector?: string;
  deploymentSelector?: string;
}

async function queryOf(client: Client, scope: Scope): Promise<Query> {
  const { names, selector, site, deployment } = scope;
  if (names.length > 0) {
    if (isScoped({ ...scope, names: [] })) throw twoWays();
    await requireDevices(client, names);
    return {};
  }
  const own = [site === undefined ? "" : `site=${site}`, selector ?? ""].filter(Boolean).join(",");
  return {
    ...(own === "" ? {} : { labelSelector: own }),
    ...(deployment === undefined
      ? {}
      : { deploymentSelector: (await deploymentNamed(client, deployment)).labelSelector }),
  };
}

async function devicesOf(client: Client, { names }: Scope, query: Query): Promise<DeviceSummary[]> {
  if (names.length > 0) return await inTurns(names, (name) => client.device(name));
  const { labelSelector = "", deploymentSelector = "" } = query;
  const text = [labelSelector, deploymentSelector].filter(Boolean).join(",");
  return await collect(client.devices({ labelSelector: text }));
}

const lookEveryMs = 500;

/** Until each has reported anew.
 *  @throws FleetError hub_unreachable when some have not in time */
export async function waitForReports(
  { clock, terminal }: Cli,
  { before, read }: Awaited,
  timeoutMs: number,
): Promise<void> {
  const endMs = clock.monotonicMs() + timeoutMs;
  const silent = new Set(before.keys());
  while (silent.size > 0) {
    for (const { id, reportedAt } of await read()) {
      if (reportedAt !== before.get(id)) silent.delete(id);
    }
    if (silent.size === 0) break;
    if (clock.monotonicMs() >= endMs) throw unanswered([...silent]);
    terminal.progress(`${silent.size} devices have not reported yet …`);
    await clock.sleep(lookEveryMs);
  }
  terminal.progress(undefined);
  for (const name of before.keys()) terminal.out(`device/${name} reported`);
}

function unanswered(silent: readonly string[]): FleetError {
  const some = silent.slice(0, 5).join(", ");
  const more = silent.length > 5 ? ` and ${silent.length - 5} more` : "";
  return new FleetError("hub_unreachable", {
    message: `not every device has reported in time: ${some}${more}`,
    hint: "A device on HTTP alone reports at its next poll; wait longer with --timeout.",
  });
}

function twoWays(): FleetError {
  return new FleetError("request_invalid", {
    message: "which devices? Give either names, or -l, --site, --deployment, or --all",
    hint: "For example: fleet sync --site north",
  });
}
