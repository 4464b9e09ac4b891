// Questions on the terminal: one that is answered with yes, and one whose answer is not shown.
import { createInterface } from "node:readline/promises";
import { exitCodes } from "#hub/cli/exit.ts";

/** Whether the person wrote yes. Ctrl-D is no. */
export async function askYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  lines.once("SIGINT", () => {
    lines.close();
    process.stderr.write("\n");
    process.exit(exitCodes.interrupted);
  });
  const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}

const endOfText = "\u0003";
const endOfTransmission = "\u0004";
const rubOut = new Set(["\u007F", "\b"]);

/**
 * A line that is not echoed. The terminal is put back whatever happens. The echo is off before the
 * question stands there: who answers at once, or pastes, is not shown either.
 */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding("utf8");
  let answer = "";
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const sign of String(chunk)) {
        if (sign === endOfText) process.exit(exitCodes.interrupted);
        if (sign === "\r" || sign === "\n" || sign === endOfTransmission) return answer;
        answer = rubOut.has(sign) ? answer.slice(0, -1) : answer + sign;
      }
    }
    return answer;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
