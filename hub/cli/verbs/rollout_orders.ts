// `fleet rollout pause`, `halt`, `resume`, `promote`, `approve` and `undo`: orders to one rollout, or to the whole fleet.
import type { Command } from "commander";
import type { RolloutView } from "#hub/api/rollout_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import type { OrderName } from "#hub/rollout/advance/order.ts";
import { FleetError } from "#shared/errors.ts";
import { rolloutNamed } from "./rollout_name.ts";

interface Options extends ConnectionOptions {
  reason: string;
  fleet?: true;
  heal?: true;
  yes?: true;
}

interface Order {
  summary: string;
  /** Past participle, for the outcome. */
  done: string;
  /** What moves at once, for the question; undefined when nothing does. */
  moves(view: RolloutView, options: Options): string | undefined;
  example: [command: string, meaning: string];
}

const orders: Readonly<Record<OrderName, Order>> = {
  pause: {
    summary: "Release nothing more until it is resumed; devices under way go on.",
    done: "paused",
    moves: () => undefined,
    example: ["fleet rollout pause robots --reason 'fair until Sunday'", "and later: resume"],
  },
  halt: {
    summary: "Stop a rollout and quarantine its release.",
    done: "halted",
    moves: ({ devices }, { heal }) => (heal === true ? sentBack(devices) : undefined),
    example: ["fleet rollout halt robots --heal --reason 'smoke'", "and send the release back"],
  },
  resume: {
    summary: "Go on after a pause, or begin again after a halt or an undo.",
    done: "resumed",
    moves: ({ devices, steps }) => {
      const left = devices.Pending + devices.Reverted;
      return `${plural(left, "device")} may get the release, in ${plural(steps, "step")}`;
    },
    example: ["fleet rollout resume robots --reason 'fixed the registry'", "step by step"],
  },
  promote: {
    summary: "Release to all devices that remain, without gates, windows, budget and approvals.",
    done: "promoted: all that remain get the release",
    moves: ({ devices }) =>
      `${plural(devices.Pending + devices.Reverted, "device")} get the release at once, whatever its gates say`,
    example: ["fleet rollout promote robots --reason 'security fix'", "all at once"],
  },
  undo: {
    summary: "Bring the last promoted release back, and keep it until Git says otherwise.",
    done: "undone: the last promoted release stays until Git says otherwise",
    moves: ({ devices }) => sentBack(devices),
    example: ["fleet rollout undo robots --reason 'it loses orders'", "from every state"],
  },
  approve: {
    summary: "Let the step begin that waits for approval.",
    done: "approved",
    moves: ({ step, plan }) => `step ${step} begins: ${plan[step - 1]?.name ?? ""}`,
    example: ["fleet rollout approve robots --reason 'canary looks well'", "the next step"],
  },
};

const exits = "Exit code 7: not confirmed, nothing was done.";

/** In the order of a rollout's life. */
export const orderNames: readonly OrderName[] = [
  "approve",
  "pause",
  "halt",
  "resume",
  "promote",
  "undo",
];

const fleetWide = new Set<OrderName>(["halt", "resume"]);

export function orderCommand(cli: Cli, name: OrderName): Command {
  const { summary, example } = orders[name];
  const isWide = fleetWide.has(name);
  const command = verbCommand(name, summary)
    .argument(isWide ? "[name]" : "<name>", "a deployment, for its newest rollout, or a number")
    .requiredOption("--reason <text>", "why, in words that others will read")
    .option("-y, --yes", "do not ask");
  if (name === "halt") command.option("--heal", "send devices back that have the release");
  if (isWide) command.option("--fleet", `${name} the whole fleet instead of one rollout`);
  const wide: [string, string] = [
    `fleet rollout ${name} --fleet --reason 'the fair'`,
    "everything",
  ];
  return command
    .addHelpText("after", `\n${exits}\n${examples(example, ...(isWide ? [wide] : []))}`)
    .action(async (rollout: string | undefined, options: Options) => {
      const client = await cli.connect(options);
      if (options.fleet === true) return orderFleet(cli, client, { name, rollout, options });
      if (rollout === undefined) throw unnamed(name);
      return orderOne(cli, client, { name, rollout, options });
    });
}

interface Given {
  name: OrderName;
  options: Options;
}

async function orderOne(
  cli: Cli,
  client: Client,
  { name, rollout, options }: Given & { rollout: string },
): Promise<void> {
  const id = await rolloutNamed(client, rollout);
  const view = await client.rollouts.get(id);
  const moves = orders[name].moves(view, options);
  const what = `Rollout ${id} of ${view.deployment} (${view.state})`;
  if (moves !== undefined && !(await isWanted(cli, `${what}: ${moves}.`, name, options))) return;
  const { reason, heal } = options;
  await client.rollouts.order(id, name, {
    reason,
    ...(heal === true ? { heal } : {}),
    // While the question was open the step may have passed, and the next one wait.
    ...(name === "approve" ? { step: view.step } : {}),
  });
  cli.terminal.out(`rollout/${id} ${orders[name].done}`);
}

async function orderFleet(
  cli: Cli,
  client: Client,
  { name, rollout, options }: Given & { rollout: string | undefined },
): Promise<void> {
  if (rollout !== undefined) {
    throw new FleetError("request_invalid", {
      message: "give either a rollout or --fleet",
      hint: "--fleet means every deployment.",
    });
  }
  const act = name === "halt" ? "halt" : "resume";
  const { devices } = await client.fleet();
  const words = `The fleet has ${plural(devices, "device")}; what was committed meanwhile begins to move.`;
  if (act === "resume" && !(await isWanted(cli, words, act, options))) return;
  await client.rollouts.orderFleet(act, options.reason);
  const outcome =
    act === "halt"
      ? "fleet halted: nothing is released and no commit is taken up"
      : "fleet resumed: releases go on";
  cli.terminal.out(outcome);
}

async function isWanted(
  cli: Cli,
  what: string,
  act: string,
  { yes }: Pick<Options, "yes">,
): Promise<boolean> {
  const { terminal } = cli;
  if (yes === true) return true;
  terminal.say(what);
  if (terminal.canAsk) {
    const { askYes } = await import("#hub/cli/terminal/prompt.ts");
    if (await askYes(`Really ${act}?`)) return true;
  } else {
    terminal.say("This is no terminal, so nobody can be asked. Say yes beforehand with --yes.");
  }
  terminal.say("Nothing was done.");
  cli.end(exitCodes.unconfirmed);
  return false;
}

function sentBack(devices: RolloutView["devices"]): string {
  const having = devices.Released + devices.Waiting + devices.Succeeded + devices.Failed;
  return `${plural(having, "device")} return to the last promoted release`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function unnamed(name: OrderName): FleetError {
  return new FleetError("request_invalid", {
    message: `${name} what? Give a deployment, a rollout's number, or --fleet`,
    hint: "List rollouts with: fleet rollout list.",
  });
}
