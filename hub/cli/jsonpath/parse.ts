// Parses a JSONPath template as kubectl writes them: text, paths in braces, and ranges.
import { createScanner, type Scanner } from "./scanner.ts";
import type { Comparison, Literal, Part, Path, Step, Test } from "./template.ts";

/** A template without braces is one path, as kubectl takes it.
 *  @throws FleetError request_invalid with the place of the fault
 *  @see https://kubernetes.io/docs/reference/kubectl/jsonpath/ */
export function parseTemplate(template: string): Part[] {
  const scanner = createScanner(template.includes("{") ? template : `{${template}}`);
  const { parts, isEnded } = readParts(scanner);
  if (isEnded) scanner.refuse("{end} without {range}");
  return parts;
}

function readParts(scanner: Scanner): { parts: Part[]; isEnded: boolean } {
  const parts: Part[] = [];
  while (!scanner.isAtEnd) {
    const text = scanner.match(/[^{]+/y);
    if (text !== undefined) {
      parts.push({ kind: "text", text });
      continue;
    }
    scanner.expect("{");
    scanner.skipSpaces();
    if (scanner.match(/end(?=\s*\})/y) !== undefined) {
      close(scanner);
      return { parts, isEnded: true };
    }
    parts.push(readPart(scanner));
  }
  return { parts, isEnded: false };
}

function readPart(scanner: Scanner): Part {
  const quoted = readString(scanner);
  if (quoted !== undefined) {
    close(scanner);
    return { kind: "text", text: quoted };
  }
  const isRange = scanner.match(/range\s+/y) !== undefined;
  const path = readPath(scanner);
  close(scanner);
  if (!isRange) return { kind: "path", path };
  const { parts, isEnded } = readParts(scanner);
  if (!isEnded) scanner.refuse("{range} without {end}");
  return { kind: "range", path, body: parts };
}

function close(scanner: Scanner): void {
  scanner.skipSpaces();
  scanner.expect("}");
}

function readPath(scanner: Scanner): Path {
  const begin = scanner.takes("$") ? "whole" : "here";
  if (begin === "here") scanner.takes("@");
  const steps: Step[] = [];
  for (let step = readStep(scanner); step !== undefined; step = readStep(scanner)) {
    steps.push(step);
  }
  return { begin, steps };
}

const name = /[A-Za-z0-9_][A-Za-z0-9_-]*/y;

function readStep(scanner: Scanner): Step | undefined {
  if (scanner.takes("[")) return readBracket(scanner);
  if (!scanner.takes(".")) return undefined;
  if (scanner.takes("*")) return { kind: "all" };
  if (scanner.takes(".")) return scanner.refuse("the descent .. is not supported");
  const key = scanner.match(name);
  // A lone dot is the value itself.
  return key === undefined ? undefined : { kind: "key", name: key };
}

function readBracket(scanner: Scanner): Step {
  scanner.skipSpaces();
  const step = readSelection(scanner);
  scanner.skipSpaces();
  scanner.expect("]");
  return step;
}

function readSelection(scanner: Scanner): Step {
  if (scanner.takes("*")) return { kind: "all" };
  if (scanner.takes("?(")) {
    const test = readTest(scanner);
    scanner.expect(")");
    return { kind: "filter", test };
  }
  const key = readString(scanner);
  if (key !== undefined) return { kind: "key", name: key };
  const from = readInteger(scanner);
  if (scanner.takes(":")) return { kind: "slice", from, to: readInteger(scanner) };
  if (from === undefined) return scanner.refuse("an index, a name in quotes, * or ?(…) is missing");
  return { kind: "index", at: from };
}

function readTest(scanner: Scanner): Test {
  scanner.skipSpaces();
  const left = readPath(scanner);
  scanner.skipSpaces();
  const operator = scanner.match(/==|!=|<=|>=|<|>/y) as Comparison | undefined;
  if (operator === undefined) return { left };
  scanner.skipSpaces();
  const literal = readLiteral(scanner);
  const right = literal === undefined ? readPath(scanner) : { literal };
  scanner.skipSpaces();
  return { left, comparison: { operator, right } };
}

const words: Record<string, Literal> = { true: true, false: false, null: null };

function readLiteral(scanner: Scanner): Literal | undefined {
  const text = readString(scanner);
  if (text !== undefined) return text;
  const number = scanner.match(/-?\d+(\.\d+)?/y);
  if (number !== undefined) return Number(number);
  const word = scanner.match(/(true|false|null)\b/y);
  return word === undefined ? undefined : words[word];
}

function readInteger(scanner: Scanner): number | undefined {
  const text = scanner.match(/-?\d+/y);
  return text === undefined ? undefined : Number(text);
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r" };

function readString(scanner: Scanner): string | undefined {
  const quoted = scanner.match(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/y);
  if (quoted === undefined) return undefined;
  return quoted.slice(1, -1).replace(/\\(.)/gs, (_, sign: string) => escapes[sign] ?? sign);
}
