// Opens the hub of this session: its address and token, and the words while a long list is read.
import { type Client, createClient } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { shortDuration } from "#hub/cli/terminal/age.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { createContextFile } from "./contexts.ts";
import { targetOf } from "./target.ts";

const defaultTimeoutMs = 15_000;

/** Beyond what an answer may take. */
const bearableMs = 60_000;

/** Ages, and times that are given as ages, are reckoned from this machine's clock. */
function clockWords(hubMs: number, ownMs: number): string | undefined {
  const aheadMs = ownMs - hubMs;
  if (Math.abs(aheadMs) <= bearableMs) return undefined;
  const way = aheadMs > 0 ? "ahead of" : "behind";
  return `This machine's clock is ${shortDuration(Math.abs(aheadMs))} ${way} the hub's: ages, --since and --until are off by as much.`;
}

function toldOnce(tell: (text: string) => void): (text: string) => void {
  let isTold = false;
  return (text) => {
    if (!isTold) tell(text);
    isTold = true;
  };
}

export async function openSession(
  { env, clock, terminal }: Pick<Cli, "env" | "clock" | "terminal">,
  options: ConnectionOptions,
): Promise<Client> {
  const isGiven = Boolean(env["FLEET_HUB"]) && Boolean(env["FLEET_TOKEN"]);
  const needsFile = options.context !== undefined || !isGiven;
  const contexts = needsFile
    ? await createContextFile(env).read()
    : { current: null, contexts: {} };
  const sayOnce = toldOnce((words) => terminal.say(words));
  return createClient({
    ...targetOf(env, contexts, options.context),
    clock,
    timeoutMs: options.requestTimeout ?? defaultTimeoutMs,
    onPage: (items) => terminal.progress(`Reading … ${items}`),
    onHubTime: (hubMs) => {
      const words = clockWords(hubMs, clock.now());
      if (words !== undefined) sayOnce(words);
    },
    onWatch: (words) => terminal.say(printable(words)),
    onPaused: toldOnce((reason) =>
      terminal.say(printable(`The fleet is paused: ${reason}. See: fleet resume`)),
    ),
  });
}
