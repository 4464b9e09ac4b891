// Runs one command line: wires the terminal, the session and the verbs, and ends with an exit code.
import { systemClock as clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
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
    throw error;
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
  const isBare = words.length === 0 || (words.length === 1 && words[0] === "help");
  await createProgram(cli).parseAsync(isBare ? ["--help"] : words, { from: "user" });
} catch (thrown) {
  terminal.progress(undefined);
  process.exitCode = commanderExit(thrown) ?? tell(thrown);
}

/** Nobody foresaw it, so only its stack can help. */
function tellFault(thrown: unknown): void {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (env["FLEET_DEBUG"] === "1" && stack !== undefined) terminal.say(stack);
  else
    terminal.say("This is a fault of the command: FLEET_DEBUG=1 makes it say more for a report.");
}

function tell(thrown: unknown): number {
  const { code, sentence, hint } = asFleetError(thrown);
  terminal.say(`${terminal.paintWords("Error:", "bad")} ${printable(sentence)}`);
  if (hint !== undefined) terminal.say(printable(hint));
  if (!(thrown instanceof FleetError)) tellFault(thrown);
  return exitCodeOf(code);
}
