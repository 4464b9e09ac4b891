import * as assert from "node:assert/strict";
import fc from "fast-check";
import { shellWords } from "#shared/compose/read/words.ts";
import { suite } from "#test/suite.ts";

const test = suite("shell words");

for (const [line, expected] of [
  ["", []],
  ["  a \t b\n", ["a", "b"]],
  ["nginx -g 'daemon off;'", ["nginx", "-g", "daemon off;"]],
  ['sh -c "a && b | c > d"', ["sh", "-c", "a && b | c > d"]],
  ["a && b", ["a", "&&", "b"]],
  ["--x='a b'c\"d e\"", ["--x=a bcd e"]],
  ["a '' \"\"", ["a", "", ""]],
  ["a\\ b \\'c \\\\", ["a b", "'c", "\\"]],
  ['"a \\"b\\" \\n \\$c"', ['a "b" \\n $c']],
  ["'a\\'", ["a\\"]],
  ["a \\\n  b", ["a", "", "b"]],
  ["a\\\nb", ["ab"]],
  ["'open", undefined],
  ['a "open', undefined],
] as const) {
  test(`${JSON.stringify(line)} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(shellWords(line), expected);
  });
}

test("reads back any words that were quoted", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
      assert.deepEqual(shellWords(line), words);
    }),
  );
});
