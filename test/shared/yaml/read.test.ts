import * as assert from "node:assert/strict";
import { readYaml, type WrittenNumber } from "#shared/yaml/read.ts";
import { suite } from "#test/suite.ts";

const test = suite("yaml with places");
const source = (text: string) => ({ file: "f.yaml", text, code: "role_invalid" as const });
const read = (text: string) => readYaml(source(text));

test("resolves anchors, aliases and merge keys, own keys first", () => {
  const { value } = read("a: &a {x: 1, y: 2}\nb: &b {z: 9}\nc:\n  y: 3\n  <<: [*a, *b]\nd: *a\n");
  assert.deepEqual((value as { c: unknown }).c, { y: 3, x: 1, z: 9 });
  assert.deepEqual((value as { d: unknown }).d, { x: 1, y: 2 });
});

test("numbers are those of YAML 1.2, unless the kind of file reads them otherwise", () => {
  const text = "a: 0o17\nb:\n  - c: 1.10\n";
  assert.deepEqual(read(text).value, { a: 15, b: [{ c: 1.1 }] });
  const seen: WrittenNumber[] = [];
  const readNumber = (number: WrittenNumber): string => {
    seen.push(number);
    return `<${number.text}>`;
  };
  const { value } = readYaml({ ...source(text), readNumber });
  assert.deepEqual(value, { a: "<0o17>", b: [{ c: "<1.10>" }] });
  assert.deepEqual(
    seen.map(({ keys }) => keys),
    [["a"], ["b", "c"]],
  );
});

const text = "x: &x\n  inner:\n    - 1\n    - key: 2\ny:\n  <<: *x\n  own: 3\nz: *x\n";

for (const [path, line, column] of [
  [["x", "inner", 1, "key"], 4, 7],
  [["y", "own"], 7, 3],
  [["y", "inner", 0], 3, 7],
  [["z", "inner"], 2, 3],
  [["y", "nowhere", "deep"], 5, 1],
  [[], 1, 1],
] as const) {
  test(`finds ${path.join(".") || "the top"} at ${line}:${column}`, () => {
    const where = read(text).locate(path);
    assert.deepEqual([where.line, where.column], [line, column]);
  });
}

for (const [what, broken, expected] of [
  ["a duplicate key", "a:\n  b: 1\n  b: 2\n", "f.yaml:3: the key b stands twice in the same map"],
  ["an unknown alias", "a: 1\nb: *nope\n", "f.yaml:2: no anchor &nope stands above this alias"],
  ["an unknown tag", "a: 1\nb: !reset null\n", "f.yaml:2: unresolved tag: !reset"],
  ["a merge of no map", "a: &a [1]\nb:\n  <<: *a\n", "f.yaml:3: only maps can be merged with <<"],
  [
    "a second document",
    "a: 1\n---\nb: 2\n",
    "f.yaml:2: only one YAML document is allowed in a file",
  ],
  ["a tab", "a:\n\tb: 1\n", "f.yaml:2: is not valid YAML: tabs are not allowed as indentation"],
] as const) {
  test(`refuses ${what} with its line`, () => {
    assert.throws(
      () => read(broken),
      (error) => {
        const { code, sentence } = error as { code: string; sentence: string };
        assert.equal(code, "role_invalid");
        assert.equal(sentence, expected);
        return true;
      },
    );
  });
}

test("refuses aliases that would fill the memory", () => {
  const levels = Array.from(
    { length: 9 },
    (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at}, `.repeat(9)}]`,
  );
  assert.throws(() => read(`l0: &l0 [x]\n${levels.join("\n")}\n`), {
    code: "role_invalid",
    hint: "Use fewer aliases.",
  });
});

test("refuses what is nested deeper than the stack", () => {
  const text = "[".repeat(100_000) + "]".repeat(100_000);
  assert.throws(() => read(text), { code: "role_invalid", message: /^is nested too deeply/ });
});

test("tells the first of several faults, how many follow and what to do", () => {
  const broken = "a: 1\na: 2\nb: 1\nb: 2\n";
  const message = "the key a stands twice in the same map (and 1 more in this file)";
  assert.throws(() => read(broken), { message, hint: "Correct the YAML." });
  const hint = "Look it up.";
  assert.throws(() => readYaml({ ...source(broken), hint }), { message, hint });
});

test("refuses text that UTF-8 cannot hold, by its place", () => {
  const message = "the text is not well-formed Unicode";
  const where = { file: "f.yaml", line: 2 };
  for (const [text, column] of [
    ['a: 1\nb: "\\uD800"\n', 4],
    ['a: 1\n"\\uDFFF": 2\n', 1],
  ] as const) {
    assert.throws(() => read(text), { message, where: { ...where, column } });
  }
  assert.doesNotThrow(() => read('a: "\\uD83D\\uDE00"\n'));
});
