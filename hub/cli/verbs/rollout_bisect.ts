// `fleet rollout bisect`: begins, shows, follows or cancels the search for the first bad commit.
import { type Command, Option } from "commander";
import type { BisectView } from "#hub/api/bisect.ts";
import type { Client } from "#hub/cli/api/client.ts";
import { insist } from "#hub/cli/api/insist.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { printBisect } from "#hub/cli/views/rollout_bisect.ts";
import { FleetError } from "#shared/errors.ts";
import { rolloutNamed } from "./rollout_name.ts";

interface Options extends ConnectionOptions {
  output: Output;
  reason?: string;
  device?: string[];
  show?: true;
  cancel?: true;
  watch?: true;
}

const everyMs = 1000;

export function bisectCommand(cli: Cli): Command {
  return verbCommand(
    "bisect",
    "Find the first bad commit of a halted or undone rollout on canaries.",
  )
    .argument("<name>", "a deployment, for its newest rollout, or a rollout's number")
    .option("--reason <text>", "why, in words that others will read; to begin and to cancel")
    .option("--device <name...>", "devices that try the commits; default: some on which it failed")
    .option("-w, --watch", "follow it to its end")
    .addOption(new Option("--show", "only show the newest").conflicts(["cancel", "device"]))
    .addOption(new Option("--cancel", "end it without an answer").conflicts(["device", "watch"]))
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((name: string, options: Options) => run(cli, name, options));
}

const help = `
The canaries get one commit after the other between the last promoted release and the rollout's; the
first bad one is named with author and subject, and the canaries return to the last good release.
With --watch the exit code is 0 when it is found, else 1.
${examples(
  ["fleet rollout bisect robots --reason 'who broke it?' -w", "begin and follow"],
  ["fleet rollout bisect robots --show", "the newest search"],
)}`;

async function run(cli: Cli, name: string, options: Options): Promise<void> {
  const client = await cli.connect(options);
  const id = await rolloutNamed(client, name);
  const view = await act(client, id, options);
  if (options.watch === true && view.state === "Testing") return follow(cli, client, view, options);
  await print(cli, view, options.output);
  if (options.watch === true) conclude(cli, view);
}

function act(client: Client, id: number, options: Options): Promise<BisectView> {
  const { reason, device, show, cancel } = options;
  if (show === true) return client.rollouts.bisect(id);
  if (reason === undefined) {
    throw new FleetError("request_invalid", {
      message: "a bisect moves releases on devices, so it wants a --reason",
      hint: "To look at one that goes on: --show.",
    });
  }
  if (cancel === true) return client.rollouts.cancelBisect(id, reason);
  const devices = device === undefined ? {} : { devices: device };
  return client.rollouts.beginBisect(id, { reason, ...devices });
}

async function print({ terminal, clock }: Cli, view: BisectView, output: Output): Promise<void> {
  if (await printStructured(terminal, output, view)) return;
  if (output.kind === "name") terminal.out(`commit/${view.culprit?.commit ?? ""}`);
  else printBisect(terminal, view, clock.now());
}

/** Each verdict as a line of words, then the page. */
async function follow(
  cli: Cli,
  client: Client,
  begun: BisectView,
  { output }: Options,
): Promise<void> {
  const { signal } = new AbortController();
  const told = new Set<string>();
  let view: BisectView | undefined = begun;
  while (view !== undefined) {
    tell(cli, view, told);
    if (view.state !== "Testing") break;
    await cli.clock.sleep(everyMs);
    view = await insist(cli, signal, () => client.rollouts.bisect(begun.rollout));
  }
  cli.terminal.progress(undefined);
  if (view === undefined) return;
  await print(cli, view, output);
  conclude(cli, view);
}

function tell({ terminal }: Cli, view: BisectView, told: Set<string>): void {
  for (const { commit, subject, verdict, why } of view.commits) {
    if (verdict === "untested" || told.has(commit)) continue;
    told.add(commit);
    const because = why === null ? "" : `: ${why}`;
    terminal.say(printable(`${commit.slice(0, 8)} "${subject}" is ${verdict}${because}`));
  }
  const testing = view.testing?.slice(0, 8);
  if (testing !== undefined) {
    terminal.progress(`Trying ${testing}, at most ${view.testsLeft} tests left …`);
  }
}

function conclude(cli: Cli, { state }: BisectView): void {
  if (state !== "Found") cli.end(exitCodes.partly);
}
