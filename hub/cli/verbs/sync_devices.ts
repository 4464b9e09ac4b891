// The part of `fleet sync` that is about devices: they look and report now, and the command waits for that.
import { type Client, collect } from "#hub/cli/api/client.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { requireDevices } from "#hub/cli/resources/history.ts";
import { unknownNames } from "#hub/cli/resources/unknown.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import type { SyncOutcome } from "#hub/control/sync.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";

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

/** Devices that are to answer, with the time that each gave its last report. */
type Reports = ReadonlyMap<string, number | null>;

/** Asks for the look.
 *  @returns the connected devices, as they had reported before
 *  @throws FleetError not_found, request_invalid */
export async function askDevices(cli: Cli, client: Client, scope: Scope): Promise<Reports> {
  const query = await queryOf(client, scope);
  const before = await reportsOf(client, scope, query);
  cli.terminal.progress("The hub fetches the repository …");
  const outcomes = await ask(client, scope, query);
  cli.terminal.progress(undefined);
  const sum = (field: "devices" | "asked"): number =>
    outcomes.reduce((total, outcome) => total + outcome[field], 0);
  cli.terminal.say(`${sum("asked")} of ${sum("devices")} devices are connected and look now.`);
  const problem = outcomes.find(({ fetched }) => !fetched)?.problem;
  if (problem !== undefined) {
    const why = problem === null ? "in time" : `: ${printable(problem)}`;
    cli.terminal.say(`The repository was not fetched ${why}`);
    cli.end(exitCodes.unreachable);
  }
  return before;
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
  const outcomes = await inTurns(names, (name) =>
    client.control.syncDevice(name).catch((error: unknown) => asFleetError(error)),
  );
  return outcomes.map((outcome) => {
    if (outcome instanceof FleetError) throw outcome;
    return outcome;
  });
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
      : { deploymentSelector: await selectorOf(client, deployment) }),
  };
}

async function selectorOf(client: Client, deployment: string): Promise<string> {
  const all = await collect(client.deployments());
  const known = all.find(({ name }) => name === deployment);
  if (known !== undefined) return known.labelSelector;
  throw unknownNames(
    "deployment",
    [deployment],
    all.map(({ name }) => name),
  );
}

async function reportsOf(client: Client, { names }: Scope, query: Query): Promise<Reports> {
  const { labelSelector = "", deploymentSelector = "" } = query;
  const text = [labelSelector, deploymentSelector].filter(Boolean).join(",");
  const devices =
    names.length > 0
      ? await Promise.all(names.map((name) => client.device(name)))
      : await collect(client.devices({ labelSelector: text }));
  const present = devices.filter(({ connection }) => connection === "Online");
  return new Map(present.map(({ id, reportedAt }) => [id, reportedAt]));
}

const lookEveryMs = 300;

/** Until each has reported anew.
 *  @throws FleetError hub_unreachable when some have not in time */
export async function waitForReports(
  { clock, terminal }: Cli,
  client: Client,
  before: Reports,
  timeoutMs: number,
): Promise<void> {
  const endMs = clock.monotonicMs() + timeoutMs;
  let silent = [...before.keys()];
  while (silent.length > 0) {
    const now = await Promise.all(silent.map((name) => client.device(name)));
    silent = now.filter(({ id, reportedAt }) => reportedAt === before.get(id)).map(({ id }) => id);
    if (silent.length === 0) break;
    if (clock.monotonicMs() >= endMs) throw unanswered(silent);
    terminal.progress(`${silent.length} devices have not reported yet …`);
    await clock.sleep(lookEveryMs);
  }
  terminal.progress(undefined);
  for (const name of before.keys()) terminal.out(`device/${name} reported`);
}

function unanswered(silent: readonly string[]): FleetError {
  const some = silent.slice(0, 5).join(", ");
  return new FleetError("hub_unreachable", {
    message: `${silent.length} devices have not reported in time: ${some}`,
    hint: "A device on HTTP alone reports at its next poll; wait longer with --timeout.",
  });
}

function twoWays(): FleetError {
  return new FleetError("request_invalid", {
    message: "which devices? Give either names, or -l, --site, --deployment, or --all",
    hint: "For example: fleet sync --site north",
  });
}
