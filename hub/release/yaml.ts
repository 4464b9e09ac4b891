// Reads a YAML file by its schema; whatever is wrong is named by file, line and key.
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { type ErrorCode, FleetError, type Where } from "#shared/errors.ts";
import { explain, type Path } from "./explain.ts";

export interface YamlFile<T> {
  value: T;
  /** Where a key stands; the nearest place above it when the file does not have it. */
  readonly locate: (path: Path) => Where;
}

interface YamlSource<S extends z.ZodType> {
  /** Path as messages name it. */
  file: string;
  text: string;
  schema: S;
  code: Extract<ErrorCode, "repository_invalid" | "role_invalid">;
}

/** @throws FleetError of the given code, of the first fault by line */
export function readYaml<S extends z.ZodType>(source: YamlSource<S>): YamlFile<z.output<S>> {
  const { file, text, schema, code } = source;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const locate = (path: Path): Where => placeOf({ file, document, lines }, path);
  refuseSyntax(source, document, lines);
  keepNumbersAsWritten(document);
  const parsed = schema.safeParse(plain(source, document));
  if (!parsed.success) throw refusal(code, locate, document, parsed.error.issues);
  return { value: parsed.data, locate };
}

function refuseSyntax(
  { file, code }: YamlSource<z.ZodType>,
  document: Document,
  lines: LineCounter,
): void {
  const first = [...document.errors, ...document.warnings].toSorted(
    (a, b) => a.pos[0] - b.pos[0],
  )[0];
  if (first === undefined) return;
  const { line, col } = lines.linePos(first.pos[0]);
  throw new FleetError(code, {
    message: `is not valid YAML: ${first.message.split("\n")[0]}`,
    where: { file, line, column: col },
    hint: "Correct the YAML.",
    cause: first,
  });
}

/** `1.10` and `007` are text to a container's environment: what stands in the file is what it gets. */
function keepNumbersAsWritten(document: Document): void {
  visit(document, {
    Pair: (_key, { key, value }) => {
      if (!isScalar(key) || key.value !== "values" || !isMap(value)) return;
      for (const { value: scalar } of value.items) {
        if (!isScalar(scalar) || typeof scalar.value !== "number") continue;
        scalar.value = scalar.source;
      }
    },
  });
}

function plain({ file, code }: YamlSource<z.ZodType>, document: Document): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new FleetError(code, {
      message: "has an alias without an anchor, or far too many of them",
      where: { file, line: 1 },
      hint: "Write the values out.",
      cause,
    });
  }
}

function refusal(
  code: ErrorCode,
  locate: (path: Path) => Where,
  document: Document,
  issues: readonly z.core.$ZodIssue[],
): FleetError {
  const faults = issues
    .map((issue) => explain(issue, (path) => document.hasIn(path)))
    .map((fault) => ({ ...fault, where: locate(fault.path) }))
    .toSorted((a, b) => (a.where.line ?? 0) - (b.where.line ?? 0));
  const [first, ...more] = faults;
  const others = more.length === 0 ? "" : ` (and ${more.length} more in this file)`;
  return new FleetError(code, {
    message: `${first?.message ?? "is not valid"}${others}`,
    ...(first === undefined ? {} : { where: first.where }),
    hint: "Correct the key, or see the documentation of the fleet repository.",
  });
}

interface Places {
  file: string;
  document: Document;
  lines: LineCounter;
}

function placeOf({ file, document, lines }: Places, path: Path): Where {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of path) {
    const step = stepInto(node, part);
    if (step === undefined) break;
    offset = step.offset ?? offset;
    node = step.node;
  }
  const { line, col } = lines.linePos(offset);
  const key = path.length === 0 ? {} : { key: path.join(".") };
  return { file, line: Math.max(line, 1), column: Math.max(col, 1), ...key };
}

interface Step {
  node: unknown;
  offset: number | undefined;
}

function stepInto(node: unknown, part: string | number): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return item === undefined ? undefined : { node: item, offset: offsetOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
  return pair === undefined ? undefined : { node: pair.value, offset: offsetOf(pair.key) };
}

function offsetOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0];
}
