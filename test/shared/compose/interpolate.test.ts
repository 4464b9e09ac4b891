// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import fc from "fast-check";
import { interpolate } from "#shared/compose/interpolate.ts";
import { suite } from "#test/suite.ts";

const test = suite("interpolate");
const values = { A: "a", EMPTY: "", _under1: "u", B: "$A" };

for (const [text, expected] of [
  ["plain {text}", "plain {text}"],
  ["$A", "a"],
  ["$A.b", "a.b"],
  ["x${A}y", "xay"],
  ["$_under1", "u"],
  ["${A:-no}${A-no}", "aa"],
  ["${EMPTY:-d}|${EMPTY-d}", "d|"],
  ["${NONE:-d}|${NONE-d}", "d|d"],
  ["${A:+r}|${EMPTY:+r}|${EMPTY+r}|${NONE+r}", "r||r|"],
  ["${A:?wanted}${EMPTY?wanted}", "a"],
  ["${NONE:-${EMPTY:-$A}}", "a"],
  ["${NONE:-${EMPTY:-deep}}!", "deep!"],
  ['${NONE:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'],
  ["${NONE:-http://h:80/?q=1}", "http://h:80/?q=1"],
  ["${NONE:-}", ""],
  ["$$A $${A} $$$A", "$A ${A} $a"],
  ["${NONE:-$$A}", "$A"],
  ["$B", "$A"],
  ["${A:-${NONE?not reached}}", "a"],
] as const) {
  test(`"${text}" becomes "${expected}"`, () => {
    assert.deepEqual(interpolate(text, values), { text: expected, unset: [] });
  });
}

test("takes an unset variable as empty and names each once", () => {
  const result = interpolate("$X-${Y}-$X${A:+$Z}", values);
  assert.deepEqual(result, { text: "--", unset: ["X", "Y", "Z"] });
});

test("does not take names of object members for variables", () => {
  assert.deepEqual(interpolate("$constructor", {}).unset, ["constructor"]);
});

for (const [text, message] of [
  ["${NONE:?give it}", "NONE is not set: give it"],
  ["${NONE?}", "NONE is not set"],
  ["${EMPTY:?}", "EMPTY is empty"],
  ["${NONE:?see ${A}}", "NONE is not set: see a"],
  ["${OTHER:-${NONE?inner}}", "NONE is not set: inner"],
] as const) {
  test(`demands the variable of "${text}"`, () => {
    assert.throws(() => interpolate(text, values), { code: "variable_missing", message });
  });
}

for (const text of [
  "$",
  "a $ b",
  "$1",
  "${}",
  "${1}",
  "${A",
  "${A:-b",
  "${A!b}",
  "${A:b}",
  "${A:-${B}",
  "$-",
  "${ A }",
]) {
  test(`refuses "${text}" and says how to write a dollar sign`, () => {
    assert.throws(() => interpolate(text, values), {
      code: "compose_invalid",
      hint: "Write ${NAME}, or $$ for a plain dollar sign.",
    });
  });
}

/** The grammar as data, so that a template can be written and evaluated independently of the parser. */
type Node =
  | { kind: "text"; text: string }
  | { kind: "dollar" }
  | { kind: "variable"; name: string; operator: string; argument: Node[] };

const name = fc.constantFrom("A", "EMPTY", "NONE", "B", "_under1");
const { template } = fc.letrec<{ template: Node[]; node: Node }>((tie) => ({
  template: fc.array(tie("node"), { maxLength: 4 }),
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({
      kind: fc.constant("text" as const),
      text: fc.stringMatching(/^[ a-z:?+\-/."']{1,6}$/),
    }),
    fc.record({ kind: fc.constant("dollar" as const) }),
    fc.record({
      kind: fc.constant("variable" as const),
      name,
      operator: fc.constantFrom("", ":-", "-", ":+", "+"),
      argument: tie("template"),
    }),
  ),
}));

function write(nodes: Node[]): string {
  return nodes
    .map((node) => {
      if (node.kind === "text") return node.text;
      if (node.kind === "dollar") return "$$";
      return `\${${node.name}${node.operator}${node.operator === "" ? "" : write(node.argument)}}`;
    })
    .join("");
}

function evaluate(nodes: Node[]): string {
  return nodes
    .map((node) => {
      if (node.kind === "text") return node.text;
      if (node.kind === "dollar") return "$";
      const value = (values as Record<string, string>)[node.name];
      const counts = node.operator.startsWith(":") ? Boolean(value) : value !== undefined;
      if (node.operator.endsWith("-")) return counts ? value : evaluate(node.argument);
      if (node.operator.endsWith("+")) return counts ? evaluate(node.argument) : "";
      return value ?? "";
    })
    .join("");
}

test("agrees with a reference evaluator on every nesting of the grammar", () => {
  fc.assert(
    fc.property(template, (nodes) => {
      assert.equal(interpolate(write(nodes), values).text, evaluate(nodes));
    }),
    { numRuns: 500 },
  );
});

test("leaves a text without a dollar sign as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(!text.includes("$"));
      assert.deepEqual(interpolate(text, values), { text, unset: [] });
    }),
  );
});

test("gives any text back whose dollar signs were doubled", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "A", ":-", "?") }), (text) => {
      assert.equal(interpolate(text.replaceAll("$", "$$$$"), values).text, text);
    }),
  );
});

test("ends with a text or a FleetError for any input", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("$", "{", "}", "A", ":", "-", "?", "+") }),
      (text) => {
        try {
          interpolate(text, values);
        } catch (error) {
          assert.equal((error as Error).name, "FleetError");
        }
      },
    ),
    { numRuns: 500 },
  );
});
