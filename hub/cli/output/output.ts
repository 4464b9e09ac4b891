// The forms of `-o`: which one was asked for, and a value printed in the structured ones.
import { fillTemplate } from "#hub/cli/jsonpath/evaluate.ts";
import { parseTemplate } from "#hub/cli/jsonpath/parse.ts";
import type { Part } from "#hub/cli/jsonpath/template.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { printableLines } from "#hub/cli/terminal/text.ts";
import { FleetError } from "#shared/errors.ts";
import { withTimes } from "./times.ts";

export type Output =
  | { kind: "table" | "wide" | "name" | "json" | "yaml" }
  | { kind: "jsonpath"; parts: Part[] };

const plain = ["table", "wide", "json", "yaml", "name"] as const;

/** @throws FleetError request_invalid */
export function parseOutput(text: string): Output {
  const kind = plain.find((one) => one === text);
  if (kind !== undefined) return { kind };
  const [, template] = /^jsonpath=(.*)$/s.exec(text) ?? [];
  if (template !== undefined) return { kind: "jsonpath", parts: parseTemplate(template) };
  throw new FleetError("request_invalid", {
    message: `"${text}" is not a form of output`,
    hint: `Use -o ${plain.join(", ")} or jsonpath='{.id}'.`,
  });
}

/** Prints a value in the structured forms.
 *  @returns false for the forms that a person reads, which are the caller's */
export async function printStructured(
  terminal: Terminal,
  output: Output,
  value: unknown,
): Promise<boolean> {
  const text = await structured(output, value);
  if (text === undefined) return false;
  terminal.out(terminal.isInteractive ? printableLines(text) : text);
  return true;
}

async function structured(output: Output, value: unknown): Promise<string | undefined> {
  switch (output.kind) {
    case "json":
      return JSON.stringify(withTimes(value), null, 2);
    case "yaml": {
      const { stringify } = await import("yaml");
      return stringify(withTimes(value), { lineWidth: 0 }).trimEnd();
    }
    case "jsonpath":
      return fillTemplate(output.parts, withTimes(value)).replace(/\n$/, "");
    case "table":
    case "wide":
    case "name":
      return undefined;
  }
}

/** One line of JSON, for streams. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(withTimes(value));
}
