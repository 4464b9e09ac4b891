// A log on the terminal: who speaks before each line, in a colour of its own, and nothing that steers the terminal.
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import type { Tone } from "#hub/cli/terminal/colour.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { printableLines } from "#hub/cli/terminal/text.ts";
import type { LogLine } from "#shared/stream.ts";

export interface LogForm {
  /** Who said it, before each line. */
  prefix: boolean;
  timestamps: boolean;
}

const tones: readonly Tone[] = ["cyan", "magenta", "blue", "good", "busy"];
const tab = "\t";
// Colours are the one thing that a log may do to a terminal.
const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** @param line as the device said it */
export function logLine(
  { paint, isInteractive }: Pick<Terminal, "paint" | "isInteractive">,
  line: LogLine,
  { prefix, timestamps }: LogForm,
): string {
  const { at, from, text } = line;
  const time = timestamps ? `${paint(rfc3339(at), "dim")} ` : "";
  const who = prefix && from !== undefined ? `${paint(`[${from}]`, toneFor(from))} ` : "";
  return `${time}${who}${isInteractive ? shown(text, paint("x", "bold") !== "x") : text}`;
}

/** The same speaker always has the same colour. */
function toneFor(from: string): Tone | undefined {
  let sum = 0;
  for (const sign of from) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) % 9973;
  return tones[sum % tones.length];
}

function shown(text: string, isColoured: boolean): string {
  const parts = text.replaceAll("\n", tab).split(colour).map(printableLines);
  if (!isColoured || parts.length === 1) return parts.join("");
  const codes = text.match(colour) ?? [];
  const reset = `${String.fromCharCode(27)}[0m`;
  return parts.map((part, index) => `${codes[index - 1] ?? ""}${part}`).join("") + reset;
}
