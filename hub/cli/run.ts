// Runs one command line: wires the terminal, the session and the verbs, and ends with an exit code.
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";
import type { Cli } from "./cli.ts";
import { commanderExit } from "./commands.ts";
import { exitCodeOf, exitCodes } from "./exit.ts";
import { createProgram } from "./program.ts";
import { createTerminal } from "./terminal/terminal.ts";
import { printable } from "./terminal/text.ts";
import { verbs } from "./verbs.ts";

const { stdin, stdout, stderr, env } = process;
const terminal = createTerminal({ stdin, stdout, stderr, env });

for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.pipeClosed);
    // A full disk, say, under `fleet get devices > FILE`.
    if (stream === stdout) process.exit(tell(error));
    process.exit(exitCodes.failed);
  });
}

const cli: Cli = {
  terminal,
  env,
  clock,
  verbs,
  end: (code) => {
    process.exitCode = code;
  },
  connect: async (options) => {
    const { openSession } = await import("./session/session.ts");
    return openSession({ env, clock, terminal }, options);
  },
};

try {
  const words = process.argv.slice(2);
  await createProgram(cli).parseAsync(meant(words), { from: "user" });
} catch (thrown) {
  terminal.progress(undefined);
  process.exitCode = commanderExit(thrown) ?? tell(thrown);
}

/** What a person tries first, in the words that the verbs have for it. */
function meant(words: string[]): string[] {
  const [only = "help", ...more] = words;
  if (more.length > 0) return words;
  if (only === "help") return ["--help"];
  return only === "--version" || only === "-V" ? ["version"] : words;
}

/** Nobody foresaw it, so only its stack can help. */
function tellFault(thrown: unknown): void {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (env["FLEET_DEBUG"] === "1" && stack !== undefined) terminal.say(stack);
  else
    terminal.say("This is a fault of the command: FLEET_DEBUG=1 makes it say more for a report.");
}

/** A disk, a file or a network that refused; its own words say why. */
function isOfSystem(thrown: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(errnoOf(thrown) ?? "");
}

function tell(thrown: unknown): number {
  const { code, sentence, hint } = asFleetError(thrown);
  terminal.say(`${terminal.paintWords("Error:", "bad")} ${printable(sentence)}`);
  if (hint !== undefined) terminal.say(printable(hint));
  if (!(thrown instanceof FleetError) && !isOfSystem(thrown)) tellFault(thrown);
  return exitCodeOf(code);
}
