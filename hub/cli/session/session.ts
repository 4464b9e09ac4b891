// Opens the hub of this session: its address and token, and the words while a long list is read.
import { type Client, createClient } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { createContextFile } from "./contexts.ts";
import { targetOf } from "./target.ts";

const defaultTimeoutMs = 15_000;

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
    onWatch: (words) => terminal.say(words),
  });
}
