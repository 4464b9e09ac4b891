// `fleet hold`, `unhold`, `retry` and `safe-mode`: orders to one device or many.
import { Command } from "commander";
import type { DeviceView } from "#hub/api/device_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { type Example, examples } from "#hub/cli/options.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import { chooseTargets, type OrderOptions, orderCommand } from "./targets.ts";

export interface Order {
  /** Imperative, for the question. */
  act: string;
  /** Past participle, for the outcome. */
  done: string;
  /** Why this device needs no such order; undefined when it does. */
  needless(device: DeviceView): string | undefined;
  send(client: Client, device: DeviceView, reason: string): Promise<unknown>;
}

const hold: Order = {
  act: "hold",
  done: "held",
  needless: ({ mode }) =>
    mode === "safe" ? "is ordered into safe mode; let it leave that first" : undefined,
  send: (client, { id }, reason) => client.setMode(id, "hold", reason),
};

const unhold: Order = {
  act: "unhold",
  done: "unheld",
  needless: ({ mode }) => (mode === "hold" ? undefined : `is not held (mode: ${mode})`),
  send: (client, { id }, reason) => client.setMode(id, "run", reason),
};

const retry: Order = {
  act: "retry",
  done: "asked to try again",
  needless: () => undefined,
  send: (client, { id }, reason) => client.retry(id, reason),
};

const enter: Order = {
  act: "send into safe mode",
  done: "ordered into safe mode",
  needless: () => undefined,
  send: (client, { id }, reason) => client.setMode(id, "safe", reason),
};

/** Safe mode by order ends with the order; one that the device entered by itself ends by a retry. */
const leave: Order = {
  act: "let leave safe mode",
  done: "asked to leave safe mode",
  needless: ({ mode, safeMode }) =>
    mode === "safe" || safeMode !== undefined ? undefined : "is not in safe mode",
  send: (client, { id, mode }, reason) =>
    mode === "safe" ? client.setMode(id, "run", reason) : client.retry(id, reason),
};

export function holdVerb(cli: Cli): Command {
  return verbOf(cli, "hold", "Let devices begin nothing new; what runs goes on.", hold).addHelpText(
    "after",
    examples(["fleet hold -l site=north --reason 'fair until Sunday'", "a site"]),
  );
}

export function unholdVerb(cli: Cli): Command {
  return verbOf(cli, "unhold", "Let held devices follow the repository again.", unhold).addHelpText(
    "after",
    examples(["fleet unhold pi-1 --reason 'fair is over'", "one device"]),
  );
}

export function retryVerb(cli: Cli): Command {
  const summary = "Let devices leave safe mode and try again the releases that failed on them.";
  return verbOf(cli, "retry", summary, retry).addHelpText(
    "after",
    examples(["fleet retry pi-1 --reason 'registry is back'", "one device"]),
  );
}

const enterExample: Example = [
  "fleet safe-mode enter pi-1 --reason 'disk is being changed'",
  "one device",
];
const leaveExample: Example = [
  "fleet safe-mode leave -l site=north --reason 'power is back' --yes",
  "without asking",
];

export function safeModeVerb(cli: Cli): Command {
  const enterSummary = "Send devices into safe mode: they try nothing and keep what is good.";
  const leaveSummary = "Let devices leave safe mode, however they came into it.";
  return new Command("safe-mode")
    .description("Send devices into safe mode, or let them leave it.")
    .helpCommand(false)
    .addCommand(
      verbOf(cli, "enter", enterSummary, enter).addHelpText("after", examples(enterExample)),
    )
    .addCommand(
      verbOf(cli, "leave", leaveSummary, leave).addHelpText("after", examples(leaveExample)),
    )
    .addHelpText("after", examples(enterExample, leaveExample));
}

function verbOf(cli: Cli, name: string, summary: string, order: Order): Command {
  return orderCommand(name, summary).action((names: string[], options: OrderOptions) =>
    runOrder(cli, order, names, options),
  );
}

/** Gives it to each device; those that do not take it are told, and hold up no other. */
export async function runOrder(
  cli: Cli,
  order: Order,
  names: readonly string[],
  options: OrderOptions,
): Promise<void> {
  const client = await cli.connect(options);
  const ids = await chooseTargets(cli, client, order.act, names, options);
  if (ids === undefined) return;
  const failures = await inTurns(ids, (id) => give(cli, client, order, id, options.reason));
  conclude(cli, ids, failures);
}

/** @returns the error, once it was told */
async function give(
  { terminal }: Cli,
  client: Client,
  order: Order,
  id: string,
  reason: string,
): Promise<FleetError | undefined> {
  try {
    const device = await client.device(id);
    const needless = order.needless(device);
    if (needless === undefined) await order.send(client, device, reason);
    if (needless === undefined) terminal.out(`device/${id} ${order.done}`);
    else terminal.say(`${id} ${needless}: left as it is.`);
    return undefined;
  } catch (thrown) {
    const error = asFleetError(thrown);
    terminal.say(`${id}: ${printable(error.sentence)}`);
    return error;
  }
}

function conclude(
  cli: Cli,
  ids: readonly string[],
  outcomes: readonly (FleetError | undefined)[],
): void {
  const failures = outcomes.filter((outcome) => outcome !== undefined);
  const [first] = failures;
  if (first === undefined) return;
  // Nothing went well: the reason says more than a count.
  if (failures.length === ids.length) throw first;
  tellPartly(cli, failures, ids.length);
}

/** With the next step of each kind of failure, once. */
export function tellPartly(
  { terminal, end }: Pick<Cli, "terminal" | "end">,
  failures: readonly FleetError[],
  all: number,
): void {
  terminal.say(`${failures.length} of ${all} devices did not take the order.`);
  for (const hint of new Set(failures.map((failure) => failure.hint))) {
    if (hint !== undefined) terminal.say(printable(hint));
  }
  end(exitCodes.partly);
}
