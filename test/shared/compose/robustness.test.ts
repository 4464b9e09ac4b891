// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import fc from "fast-check";
import { composeSchema } from "#shared/compose/check/schema.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { load, refusal } from "./harness.ts";

const test = suite("compose files of any content");

test("refuses what is nested beyond reason instead of failing", () => {
  assert.equal(refusal(`services: ${"[".repeat(50_000)}`).code, "compose_invalid");
  const defaults = "${A:-".repeat(50_000) + "}".repeat(50_000);
  assert.equal(refusal(`services: {web: {image: "${defaults}"}}`).code, "compose_invalid");
});

const serviceKeys = Object.keys(composeSchema.definitions.service.properties);
const scalar = fc.constantFrom<unknown>(
  null,
  "",
  "a",
  "./a:/b:ro",
  "8080:80",
  "$X",
  "1",
  "-1",
  "x=y",
  1,
  -1,
  0.5,
  true,
);
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(
    fc.constantFrom("source", "target", "type", "path", "command", "resources", "a"),
    scalar,
    { maxKeys: 3 },
  ),
);

test("either loads any file of known keys or says where it is wrong", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...serviceKeys), value, { maxKeys: 4 }),
      fc.dictionary(
        fc.constantFrom("networks", "volumes", "configs", "secrets"),
        fc.dictionary(fc.constantFrom("a", "default"), value),
        { maxKeys: 2 },
      ),
      (service, rest) => {
        try {
          load(JSON.stringify({ services: { web: { image: "i", ...service } }, ...rest }));
        } catch (error) {
          assert.ok(error instanceof FleetError, String(error));
          assert.ok(
            error.where?.line !== undefined && error.where.key !== undefined,
            error.sentence,
          );
        }
      },
    ),
    { numRuns: 400 },
  );
});
