// Orders a plan on named or selected devices, and waits for the end where that is wanted.
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { RunView } from "#hub/api/run_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import { deadlineIn } from "#hub/cli/api/deadline.ts";
import { insist } from "#hub/cli/api/insist.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { durationOption, selectorOption, verbCommand } from "#hub/cli/options.ts";
import { deviceNames } from "#hub/cli/resources/names.ts";
import { requirePhases, requirePlan } from "#hub/cli/resources/unknown.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { tellPartly } from "./orders.ts";
import { chooseTargets, confirmTargets, type OrderOptions } from "./targets.ts";

export interface RunOptions extends OrderOptions {
  request?: string;
  wait?: true;
  /** Ms. */
  timeout: number;
}

export interface RunWish {
  plan: string;
  /** Imperative, for the question. */
  act: string;
  parameters: Record<string, string>;
  /** Asks also where the devices were named: what is lost does not come back. */
  isGrave?: boolean;
}

const everyMs = 1000;

export function runCommand(name: string, summary: string): Command {
  return withRunOptions(verbCommand(name, summary).argument("[name...]", "the devices' names"));
}

export function withRunOptions(command: Command): Command {
  return command
    .addOption(selectorOption())
    .option("--all", "every device that is enrolled")
    .requiredOption("--reason <text>", "why, in words that others will read")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "only list the devices")
    .option("--request <id>", "names the wish: asked again it gives the same runs and no others")
    .option("--wait", "until the runs are over")
    .addOption(durationOption("--timeout", "with --wait: how long", "1h"))
    .addHelpText("after", runExits);
}

const runExits = `
Exit code 1: some devices did not take it, or with --wait a run did not succeed in time;
7: not confirmed, nothing was done.`;

export async function orderRuns(
  cli: Cli,
  wish: RunWish,
  names: readonly string[],
  options: RunOptions,
): Promise<void> {
  const client = await cli.connect(options);
  await requirePlan(client, wish.plan);
  const ids = await targetsOf(cli, client, wish, names, options);
  if (ids === undefined) return;
  const request = options.request ?? `cli-${randomUUID()}`;
  const outcomes = await inTurns(ids, (id) =>
    orderOne(cli, client, { ...wish, request, device: id, reason: options.reason }),
  );
  const begun = outcomes.filter((outcome): outcome is RunView => !(outcome instanceof FleetError));
  const isComplete = conclude(cli, outcomes);
  if (options.wait !== true) return;
  const isWell = await waitForAll(cli, client, begun, options.timeout);
  if (!isWell || !isComplete) cli.end(exitCodes.partly);
}

/** A device may be known from an inventory alone, so names are looked up among the phases. */
async function targetsOf(
  cli: Cli,
  client: Client,
  { act, isGrave }: RunWish,
  names: readonly string[],
  options: OrderOptions,
): Promise<string[] | undefined> {
  const isNamed = names.length > 0 && options.selector === undefined && options.all !== true;
  if (!isNamed) return chooseTargets(cli, client, act, names, options);
  const ids = deviceNames(names);
  await requirePhases(client, ids);
  const asked = { act, ids, isNamed: isGrave !== true };
  return (await confirmTargets(cli, asked, options)) ? ids : undefined;
}

async function orderOne(
  { terminal }: Cli,
  client: Client,
  {
    device,
    plan,
    request,
    parameters,
    reason,
  }: RunWish & Record<"device" | "request" | "reason", string>,
): Promise<RunView | FleetError> {
  try {
    const run = await client.runs.order({ device, plan, request, parameters, reason });
    terminal.out(`run/${run.id} ${plan} on ${device}: ${run.state}`);
    return run;
  } catch (thrown) {
    const error = asFleetError(thrown);
    terminal.say(`${device}: ${printable(error.sentence)}`);
    return error;
  }
}

/** @returns whether every device took it */
function conclude(cli: Cli, outcomes: readonly (RunView | FleetError)[]): boolean {
  const failures = outcomes.filter(
    (outcome): outcome is FleetError => outcome instanceof FleetError,
  );
  const [first] = failures;
  if (first === undefined) return true;
  // Nothing went well: the reason says more than a count.
  if (failures.length === outcomes.length) throw first;
  tellPartly(cli, failures, outcomes.length);
  return false;
}

/** @returns whether all of them succeeded in time */
async function waitForAll(
  cli: Cli,
  client: Client,
  begun: readonly RunView[],
  timeoutMs: number,
): Promise<boolean> {
  const { terminal, clock } = cli;
  const signal = deadlineIn(timeoutMs);
  let runs = [...begun];
  const left = (): number => runs.filter(isUnderWay).length;
  while (left() > 0 && !signal.aborted) {
    terminal.progress(`${left()} of ${runs.length} runs go on …`);
    await clock.sleep(everyMs, signal);
    const look = async (run: RunView): Promise<RunView> =>
      isUnderWay(run) ? await client.runs.get(run.id) : run;
    runs = (await insist(cli, signal, () => inTurns(runs, look))) ?? runs;
  }
  for (const run of runs) {
    const why = run.message === null ? "" : `: ${printable(run.message)}`;
    terminal.say(`run/${run.id} on ${run.device} ${run.state}${why}`);
  }
  if (left() > 0)
    terminal.say("What goes on is not ended by this; see: fleet runs --state Running");
  return runs.every(({ state }) => state === "Succeeded");
}

function isUnderWay({ state }: RunView): boolean {
  return state === "Pending" || state === "Running";
}
