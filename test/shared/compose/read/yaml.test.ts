import * as assert from "node:assert/strict";
import { readYaml } from "#shared/compose/read/yaml.ts";
import { suite } from "#test/suite.ts";

const test = suite("yaml with places");
const read = (text: string) => readYaml("f.yaml", text);

test("resolves anchors, aliases and merge keys, own keys first", () => {
  const { value } = read("a: &a {x: 1, y: 2}\nb: &b {z: 9}\nc:\n  y: 3\n  <<: [*a, *b]\nd: *a\n");
  assert.deepEqual((value as { c: unknown }).c, { y: 3, x: 1, z: 9 });
  assert.deepEqual((value as { d: unknown }).d, { x: 1, y: 2 });
});

test("reads scalars as Compose does", () => {
  const { value } = read("[no, yes, on, 0644, 0o644, 22:22, 12345678901234567890, 1.50, ~, 08]\n");
  assert.deepEqual(value, [
    "no",
    "yes",
    "on",
    420,
    420,
    "22:22",
    "12345678901234567890",
    1.5,
    null,
    8,
  ]);
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
  ["a tab", "a:\n\tb: 1\n", "f.yaml:2: tabs are not allowed as indentation"],
] as const) {
  test(`refuses ${what} with its line`, () => {
    assert.throws(
      () => read(broken),
      (error) => {
        const { code, sentence } = error as { code: string; sentence: string };
        assert.equal(code, "compose_invalid");
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
  assert.throws(() => read(`l0: &l0 [x]\n${levels.join("\n")}\n`), { code: "compose_invalid" });
});
