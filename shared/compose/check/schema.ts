// The official Compose schema, compiled once when the first file is loaded.
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
// biome-ignore lint/style/noRestrictedImports: the schema is no part of what dclint exports by name.
import schema from "../../../node_modules/dclint/schemas/compose.schema.json" with { type: "json" };

// Its `$schema` is spelled with https, which ajv does not know as draft-07.
const { $schema: _draft, ...definition } = schema;
export const composeSchema = definition;

/** Each start of an agent compiles it anew to check a few files: making the code smaller costs more than it saves. */
const options = {
  ...{ allErrors: true, strict: false, validateSchema: false },
  code: { optimize: false },
} as const;

let compiled: ValidateFunction | undefined;

/** Every violation, branch by branch of each `oneOf`; [] for a valid file. */
export function schemaErrors(value: unknown): ErrorObject[] {
  compiled ??= new Ajv(options).compile(definition);
  return compiled(value) ? [] : (compiled.errors ?? []);
}
