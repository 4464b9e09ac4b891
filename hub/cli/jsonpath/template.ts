// What a JSONPath template consists of, and the words in which one is refused.
import { FleetError } from "#shared/errors.ts";

export type Step =
  | { kind: "key"; name: string }
  | { kind: "all" }
  | { kind: "index"; at: number }
  | { kind: "slice"; from: number | undefined; to: number | undefined }
  | { kind: "filter"; test: Test };

export interface Path {
  /** `$` begins at the whole value; all else at the value at hand. */
  begin: "whole" | "here";
  steps: Step[];
}

export type Literal = string | number | boolean | null;
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** Without a comparison: whether the path leads anywhere. */
export interface Test {
  left: Path;
  comparison?: { operator: Comparison; right: Path | { literal: Literal } };
}

export type Part =
  | { kind: "text"; text: string }
  | { kind: "path"; path: Path }
  | { kind: "range"; path: Path; body: Part[] };

export function refusedTemplate(template: string, at: number, why: string): FleetError {
  return new FleetError("request_invalid", {
    message: `the jsonpath "${template}" is wrong at sign ${at + 1}: ${why}`,
    hint: "For example: -o jsonpath='{range .items[*]}{.id}{\"\\n\"}{end}'. See: fleet help jsonpath.",
  });
}
