// Opens the hub of this session: its address and token, and the words while a long list is read.
import { type Client, createClient } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { createContextFile } from "./contexts.ts";
import { targetOf } from "./target.ts";

const defaultTimeoutMs = 15_000;

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
  return createClient({
    ...targetOf(env, contexts, options.context),
    clock,
    timeoutMs: options.requestTimeout ?? defaultTimeoutMs,
    onPage: (items) => terminal.progress(`Reading … ${items}`),
    onWatch: (words) => terminal.say(printable(words)),
    onPaused: toldOnce((reason) =>
      terminal.say(printable(`The fleet is paused: ${reason}. See: fleet resume`)),
    ),
  });
}
