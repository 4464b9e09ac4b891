// `fleet login`: signs in to a hub and keeps its address and token.
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { Command } from "commander";
import { createClient } from "#hub/cli/api/client.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { argument, examples } from "#hub/cli/options.ts";
import { createContextFile } from "#hub/cli/session/contexts.ts";
import { baseOf } from "#hub/cli/session/target.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf, ifPresent } from "#shared/files.ts";

interface Options {
  context?: string;
  tokenFile?: string;
}

export function loginVerb(cli: Cli): Command {
  return new Command("login")
    .description("Sign in to a hub and keep its token. The token is asked for without being shown.")
    .argument("<url>", "the hub's address, such as http://hub.example.org:7080", argument(baseOf))
    .option("--token-file <file>", "read the token from a file; -: from stdin")
    .option("--context <name>", "the name to keep it under (default: the hub's host and port)")
    .addHelpText(
      "after",
      `\nThe hub made the token at its first start: operator.token in its data directory.\n${examples(
        ["fleet login http://127.0.0.1:7080", "asks for the token"],
        ["fleet login hub.example.org:7080 --token-file /srv/fleet/operator.token", "from a file"],
        ["ssh hub cat /srv/fleet/operator.token | fleet login http://hub:7080", "from a pipe"],
      )}`,
    )
    .action((url: string, options: Options) => login(cli, url, options));
}

async function login(cli: Cli, url: string, options: Options): Promise<void> {
  const { terminal, env, clock } = cli;
  const name = options.context ?? new URL(url).host;
  const token = (await readToken(cli, options.tokenFile)).trim();
  if (!/^[A-Za-z0-9._~+/=-]+$/.test(token)) throw noToken();
  warnOfPlain(cli, url);
  const { devices } = await createClient({ url, token, clock, timeoutMs: 15_000 }).fleet();
  const file = createContextFile(env);
  const { contexts } = await file.read();
  await file.write({ current: name, contexts: { ...contexts, [name]: { url, token } } });
  const size = `${devices} ${devices === 1 ? "device" : "devices"}`;
  terminal.say(`Signed in to ${url} as context "${name}": ${size}.`);
  if (env["FLEET_HUB"] || env["FLEET_TOKEN"]) {
    terminal.say("FLEET_HUB or FLEET_TOKEN is set and goes before what was kept now.");
  }
}

async function readToken({ terminal }: Cli, tokenFile: string | undefined): Promise<string> {
  if (tokenFile !== undefined && tokenFile !== "-") return tokenOf(tokenFile);
  if (tokenFile === undefined && terminal.canAsk) {
    const { askSecret } = await import("#hub/cli/terminal/prompt.ts");
    return askSecret("Token: ");
  }
  return process.stdin.isTTY ? "" : readAll(process.stdin);
}

async function tokenOf(file: string): Promise<string> {
  const text = await ifPresent(readFile(file, "utf8")).catch((cause: unknown) => {
    throw new FleetError("config_invalid", {
      message: `${file} cannot be read (${errnoOf(cause) ?? String(cause)})`,
      hint: "The hub's own user may: sudo cat FILE | fleet login URL",
      cause,
    });
  });
  if (text !== undefined) return text;
  const message = `there is no file ${file}`;
  throw new FleetError("config_invalid", { message, hint: "Check --token-file." });
}

function noToken(): FleetError {
  return new FleetError("unauthenticated", {
    message: "no token was given, or what was given is none",
    hint: "Give the content of operator.token from the hub's data directory, by --token-file or a pipe.",
  });
}

/** A token that travels in the open is everybody's. */
function warnOfPlain({ terminal }: Cli, url: string): void {
  const { protocol, hostname } = new URL(url);
  const isLocal = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (protocol === "http:" && !isLocal) {
    terminal.say(`The token goes to ${hostname} unencrypted: use https where others can listen.`);
  }
}
