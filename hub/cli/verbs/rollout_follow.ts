// Follows a rollout to its end, over restarts of the hub too.
import type { Client } from "#hub/cli/api/client.ts";
import { deadlineIn } from "#hub/cli/api/deadline.ts";
import { insist } from "#hub/cli/api/insist.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { jsonLine, type Output } from "#hub/cli/output/output.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { createLive, type Live, type Moment } from "#hub/cli/views/rollout_live.ts";
import { isSettled } from "#hub/cli/views/rollout_words.ts";
import { FleetError } from "#shared/errors.ts";

const everyMs = 1000;

interface Options {
  output: Output;
  /** Ms. */
  timeout: number | undefined;
}

/** Ends when the rollout is promoted, or with the code `partly` when it has ended otherwise. */
export async function followRollout(
  cli: Cli,
  client: Client,
  id: number,
  { output, timeout }: Options,
): Promise<void> {
  const { clock, terminal } = cli;
  const live = liveFor(cli, output);
  const signal = timeout === undefined ? new AbortController().signal : deadlineIn(timeout);
  let shown = "";
  while (!signal.aborted) {
    const moment = await insist({ clock, terminal: beside(terminal, live) }, signal, () =>
      look(client, id),
    );
    if (moment === undefined) break;
    const text = JSON.stringify(moment);
    // On a terminal the time goes on while nothing else does.
    if (text !== shown || terminal.isInteractive) live.show(moment);
    shown = text;
    if (isSettled(moment.view)) return conclude(cli, moment);
    await clock.sleep(everyMs, signal);
  }
  terminal.say("The rollout is not over yet.");
  cli.end(exitCodes.late);
}

export async function look(client: Client, id: number): Promise<Moment> {
  const [view, members] = await Promise.all([client.rollouts.get(id), client.rollouts.devices(id)]);
  return { view, members };
}

function liveFor({ terminal, env, clock }: Cli, { kind }: Output): Live {
  if (kind === "table" || kind === "wide") return createLive(terminal, env, clock.now);
  if (kind !== "json") {
    throw new FleetError("request_invalid", {
      message: `--watch cannot be shown as ${kind}`,
      hint: "Use -o table or -o json, which gives one line per change.",
    });
  }
  return {
    leave: () => undefined,
    show: ({ view, members }) => terminal.out(jsonLine({ ...view, members })),
  };
}

/** Words that come while a picture stands there are not drawn over. */
function beside({ say }: Pick<Terminal, "say">, live: Live): Pick<Terminal, "say"> {
  return {
    say: (text) => {
      say(text);
      live.leave();
    },
  };
}

function conclude(cli: Cli, { view }: Moment): void {
  if (view.state === "Promoted") return;
  const words: Partial<Record<typeof view.state, string>> = {
    Halted: `halted; see: fleet rollout status ${view.id}. Then: fleet rollout undo or bisect.`,
    Undone: "was undone.",
    Superseded: `was superseded; see: fleet rollout list ${view.deployment}.`,
  };
  cli.terminal.say(`Rollout ${view.id} ${words[view.state] ?? `is ${view.state}.`}`);
  cli.end(exitCodes.partly);
}
