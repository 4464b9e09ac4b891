import * as assert from "node:assert/strict";
import { composeNumber } from "#shared/compose/read/numbers.ts";
import { readYaml } from "#shared/yaml/read.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose numbers");

test("scalars are read as docker compose reads them", () => {
  const text = "[no, yes, on, 0644, 0o644, 22:22, 12345678901234567890, 1.50, ~, 08]\n";
  const source = { file: "f.yaml", text, code: "compose_invalid" as const };
  assert.deepEqual(readYaml({ ...source, readNumber: composeNumber }).value, [
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
