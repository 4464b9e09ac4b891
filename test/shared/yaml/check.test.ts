import * as assert from "node:assert/strict";
import { z } from "zod";
import type { FleetError } from "#shared/errors.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import { suite } from "#test/suite.ts";

const test = suite("yaml by a schema");

const Scalar = z.union([z.string(), z.number(), z.boolean()]);

const File = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z]+$/, "must be letters")
    .exactOptional(),
  url: z.url({ error: "must be an address" }).exactOptional(),
  code: z
    .string()
    .regex(/^[0-9]{2}$/)
    .exactOptional(),
  id: z.uuid().exactOptional(),
  title: z.string().min(1).max(5).exactOptional(),
  count: z.int().min(2).max(9).multipleOf(2).exactOptional(),
  share: z.number().positive().lt(1).exactOptional(),
  mode: z.enum(["on", "off"]).exactOptional(),
  flag: z.boolean().exactOptional(),
  list: z.array(z.string()).min(2).exactOptional(),
  values: z.record(z.string().regex(/^[A-Z]+$/, "must be capitals"), Scalar).exactOptional(),
  either: z
    .union([
      z.strictObject({ http: z.string(), status: z.number().exactOptional() }),
      z.strictObject({ log: z.string(), service: z.string(), seconds: z.number() }),
    ])
    .exactOptional(),
  both: z
    .strictObject({ a: z.string().exactOptional(), b: z.string().exactOptional() })
    .refine(({ a, b }) => a !== undefined || b !== undefined, { message: "needs a or b" })
    .exactOptional(),
  needed: z.strictObject({ url: z.url({ error: "must be an address" }), kind: z.literal("x") }),
});

const needed = "needed: {url: 'http://a', kind: x}\n";
const check = (text: string) => checkYaml(File, { file: "f.yaml", text, code: "role_invalid" });

function refusal(text: string): FleetError {
  try {
    check(text);
  } catch (error) {
    return error as FleetError;
  }
  return assert.fail("it was accepted");
}

for (const [text, sentence] of [
  ["nam: a", "2: nam: is not a key that is known here"],
  ["either: {htpt: a, http: b}", "2: either.htpt: is not a key that is known here"],
  ["name: A1", "2: name: must be letters"],
  ["name: 5", "2: name: must be a text, but is a number"],
  ["name:", "2: name: must be a text, but is empty"],
  ["name: [a]", "2: name: must be a text, but is a list"],
  ["url: nowhere", "2: url: must be an address"],
  ["code: abc", "2: code: must match /^[0-9]{2}$/"],
  ["id: abc", "2: id: must be a valid uuid"],
  ["title: ''", "2: title: must not be empty"],
  ["title: abcdef", "2: title: must have at most 5 characters"],
  ["count: many", "2: count: must be a number, but is a text"],
  ["count: 2.5", "2: count: must be a whole number"],
  ["count: 0", "2: count: must be at least 2"],
  ["count: 3", "2: count: must be a multiple of 2"],
  ["share: 0", "2: share: must be more than 0"],
  ["share: 1", "2: share: must be less than 1"],
  ["mode: yes", "2: mode: must be on or off"],
  ["flag: {}", "2: flag: must be true or false, but is a map"],
  ["list: [a]", "2: list: must have at least 2 items"],
  ["list:\n  - a\n  - true", "4: list.1: must be a text, but is true"],
  ["values: {a: 1}", "2: values.a: must be capitals"],
  ["values: {A: []}", "2: values.A: must be a text or a number or true or false, but is a list"],
  ["either: {http: a, status: b}", "2: either.status: must be a number, but is a text"],
  ["either: {service: a, seconds: 1}", "2: either.log: is missing"],
  ["both: {}", "2: both: needs a or b"],
] as const) {
  test(`refuses ${text.replaceAll("\n", " ")} with its line, key and reason`, () => {
    const error = refusal(`${needed}${text}\n`);
    assert.equal(error.code, "role_invalid");
    assert.equal(error.sentence, `f.yaml:${sentence}`);
    assert.match(error.hint ?? "", /^Correct the key/);
  });
}

test("a key that is not there is missing, whatever the schema would say of its value", () => {
  assert.equal(refusal("needed:\n  kind: x\n").sentence, "f.yaml:1: needed.url: is missing");
  assert.equal(refusal("needed:\n  url: http://a\n").sentence, "f.yaml:1: needed.kind: is missing");
});

test("an empty file lacks what is needed, and a text is no map", () => {
  assert.equal(refusal("").sentence, "f.yaml:1: needed: is missing");
  assert.equal(refusal("hello\n").sentence, "f.yaml:1: must be a map, but is a text");
});

test("the first fault by line is told, with the count of the others", () => {
  const error = refusal(`count: 0\n${needed}nam: a\nflag: 1\n`);
  assert.equal(error.sentence, "f.yaml:1: count: must be at least 2 (and 2 more in this file)");
});

test("no message holds the value, which may be a secret", () => {
  const { message, cause } = refusal(`${needed}name: 8437261\ncode: s3cret\n`);
  assert.doesNotMatch(`${message} ${String(cause)}`, /8437261|s3cret/);
});

test("numbers under values are kept as they are written, others are numbers", () => {
  const { value } = check(`${needed}count: 4\nvalues: &v\n  A: 1.10\n  B: 007\n  C: true\n`);
  assert.equal(value.count, 4);
  assert.deepEqual(value.values, { A: "1.10", B: "007", C: true });
});

test("anchors and merge keys are resolved, and keys are found again", () => {
  const { value, locate } = check(`${needed}values:\n  A: &a 1\n  B: *a\n`);
  assert.deepEqual(value.values, { A: "1", B: "1" });
  assert.deepEqual(locate(["values", "B"]), {
    file: "f.yaml",
    line: 4,
    column: 3,
    key: "values.B",
  });
});
