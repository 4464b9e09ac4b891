// The device's network command: `save` prints what is so, `apply` and `restore` read what is to be.

import type { CommandOptions } from "#edge/run/port.ts";
import { baseEnvironment } from "#edge/runtime/process/environment.ts";
import { endingOf, runOnce } from "#edge/runtime/process/oneshot.ts";
import { FleetError } from "#shared/errors.ts";

export type NetworkVerb = "save" | "apply" | "restore";

/** One call; what is below the driver may hang. */
const callLimitMs = 60_000;
const longestFormer = 262_144;
const longestWords = 2000;

interface Call extends Partial<CommandOptions> {
  input: string;
  onStart?: (pid: number) => void;
}

/** @returns its standard output
 *  @throws FleetError step_failed, command_missing */
export async function callNetwork(
  command: readonly string[],
  verb: NetworkVerb,
  { input, signal, onOutput, onStart }: Call,
): Promise<string> {
  let text = "";
  let words = "";
  const result = await runOnce({
    command: [...command, verb],
    directory: "/",
    environment: baseEnvironment(),
    timeoutMs: callLimitMs,
    input,
    signal,
    onStart,
    onOutput: (stream, chunk) => {
      const isAnswer = verb === "save" && stream === "stdout";
      if (isAnswer) text = (text + chunk).slice(0, longestFormer + 1);
      else {
        words = (words + chunk).slice(-longestWords);
        onOutput?.(stream, chunk);
      }
    },
  });
  // What it saves may hold the keys of a network, and a failure is told to the hub.
  const fault = endingOf({ ...result, output: words.trim() }, callLimitMs);
  if (fault !== undefined)
    throw failed(command, verb, { fault, isMissing: result.errno === "ENOENT" });
  if (text.length > longestFormer) throw failed(command, verb, { fault: "printed too much" });
  return text;
}

function failed(
  [program = ""]: readonly string[],
  verb: NetworkVerb,
  { fault, isMissing = false }: { fault: string; isMissing?: boolean },
): FleetError {
  return new FleetError(isMissing ? "command_missing" : "step_failed", {
    message: `the network command ${program} ${verb} ${fault}`,
    hint: "Run it by hand on the device; docs/operator-guide.md says what it must do.",
    subject: program,
  });
}
