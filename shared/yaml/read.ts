// Reads YAML into plain values and finds again where a key stood, through anchors and merge keys.
import {
  type Document,
  isMap,
  isPair,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import { type ErrorCode, FleetError, type Where } from "#shared/errors.ts";
import { withOthers } from "./faults.ts";
import { dotted, keyText, mergeSources, type Path, placeOf } from "./nodes.ts";

/** More aliases than this in one file are an attack on memory, not a configuration. */
const aliasLimit = 1000;
const tooDeep = "is nested too deeply";

export interface YamlSource {
  /** Path as messages name it. */
  file: string;
  text: string;
  /** Of the error that is thrown. */
  code: Extract<
    ErrorCode,
    "compose_invalid" | "config_invalid" | "repository_invalid" | "request_invalid" | "role_invalid"
  >;
  /** Instead of the usual one. */
  hint?: string;
  /** What a number means in this kind of file, where that is not what YAML 1.2 says. */
  readonly readNumber?: (number: WrittenNumber) => unknown;
}

export interface WrittenNumber {
  value: number;
  /** As it stands in the file, e.g. `007`. */
  text: string;
  /** The keys of the maps that lead to it, its own at last. */
  keys: readonly string[];
}

export interface YamlFile<T = unknown> {
  /** Anchors and merge keys are resolved. */
  value: T;
  /** The nearest place that is known for a path, even where the path leads beyond the file. */
  readonly locate: (path: Path) => Where;
}

interface Parsed extends YamlSource {
  document: Document;
  lines: LineCounter;
}

/** @throws FleetError of the source's code with file, line and column */
export function readYaml(source: YamlSource): YamlFile {
  try {
    return read(source);
  } catch (cause) {
    // The stack is the one bound on nesting; what the parser itself just manages may be too much after it.
    if (!(cause instanceof RangeError)) throw cause;
    throw refused(source, { file: source.file, line: 1 }, tooDeep, cause);
  }
}

function read(source: YamlSource): YamlFile {
  const lines = new LineCounter();
  const options = { lineCounter: lines, prettyErrors: false, merge: true };
  const parsed = { ...source, document: parseDocument(source.text, options), lines };
  refuseBrokenYaml(parsed);
  refuseBrokenReferences(parsed);
  refuseBrokenText(parsed);
  readNumbers(parsed);
  const value = plainValue(parsed);
  // The text is not kept: the hub remembers the files of thousands of devices.
  const { file } = source;
  const { document } = parsed;
  return { value, locate: (path) => locate({ file, document, lines }, path) };
}

function refuseBrokenYaml(parsed: Parsed): void {
  const { errors, warnings } = parsed.document;
  // An unknown tag is only a warning to the parser, but it changes what the file means.
  const tags = warnings.filter((warning) => warning.code === "TAG_RESOLVE_FAILED");
  const [first, ...more] = [...errors, ...tags].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return;
  const message = withOthers(describe(first, parsed.text), more.length);
  throw refusedAt(parsed, first.pos[0], message, first);
}

function describe(error: YAMLError, text: string): string {
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  switch (error.code) {
    case "DUPLICATE_KEY": {
      const key = /^[^:\n]*/.exec(text.slice(error.pos[0]))?.[0].trim() ?? "";
      return `the key ${key} stands twice in the same map`;
    }
    case "MULTIPLE_DOCS":
      return "only one YAML document is allowed in a file";
    case "RESOURCE_EXHAUSTION":
      return tooDeep;
    case "TAG_RESOLVE_FAILED":
      return message;
    default:
      return `is not valid YAML: ${message}`;
  }
}

function refuseBrokenReferences(parsed: Parsed): void {
  const { document } = parsed;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `no anchor &${alias.source} stands above this alias`;
      throw refusedAt(parsed, offsetOf(alias), message);
    },
    Pair: (_key, pair) => {
      if (keyText(pair) !== "<<" || mergeSources(document, pair).every(isMap)) return;
      throw refusedAt(parsed, offsetOf(pair.key as Node), "only maps can be merged with <<");
    },
  });
}

/** `"\\uD800"` is half of a pair: nothing that is signed or hashed as UTF-8 can hold it. */
function refuseBrokenText(parsed: Parsed): void {
  visit(parsed.document, {
    Scalar: (_key, scalar) => {
      if (typeof scalar.value !== "string" || scalar.value.isWellFormed()) return;
      throw refusedAt(parsed, offsetOf(scalar), "the text is not well-formed Unicode");
    },
  });
}

function readNumbers({ document, readNumber }: Parsed): void {
  if (readNumber === undefined) return;
  visit(document, {
    Scalar: (_key, scalar, above) => {
      const { value, source: text } = scalar;
      if (typeof value !== "number" || text === undefined) return;
      scalar.value = readNumber({ value, text, keys: above.filter(isPair).map(keyText) });
    },
  });
}

function plainValue(parsed: Parsed): unknown {
  try {
    return parsed.document.toJS({ maxAliasCount: aliasLimit });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    const where = { file: parsed.file, line: 1, column: 1 };
    const source = { ...parsed, hint: "Use fewer aliases." };
    throw refused(source, where, `its anchors cannot be resolved: ${cause.message}`, cause);
  }
}

type Places = Pick<Parsed, "file" | "document" | "lines">;

function locate({ file, document, lines }: Places, path: Path): Where {
  const place = placeOf(document, path);
  const key = path.length === 0 ? {} : { key: dotted(path) };
  return { file, ...positionOf(lines, offsetOf(place)), ...key };
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function refusedAt(parsed: Parsed, offset: number, message: string, cause?: unknown): FleetError {
  const where = { file: parsed.file, ...positionOf(parsed.lines, offset) };
  return refused(parsed, where, message, cause);
}

function refused(source: YamlSource, where: Where, message: string, cause?: unknown): FleetError {
  const { code, hint = "Correct the YAML." } = source;
  return new FleetError(code, {
    message,
    where,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
