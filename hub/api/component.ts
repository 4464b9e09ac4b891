// Named schemas of the OpenAPI document, each one zod schema under one name.
import { z } from "@hono/zod-openapi";

const components = z.registry<{ id: string }>();

/** Gives a schema its name in the OpenAPI document. Called while modules load, so that the document
 *  is complete before the first request. */
export function component<T extends z.ZodType>(id: string, schema: T): T {
  const named = schema.meta({ id });
  components.add(named, { id });
  return named;
}

/** JSON Schemas of all named schemas, by name. zod's own generator writes them: the OpenAPI one does
 *  not know `exactOptional` and would call such fields required. */
export function componentSchemas(): Record<string, Record<string, unknown>> {
  const { schemas } = z.toJSONSchema(components, {
    uri: (id) => `#/components/schemas/${id}`,
    // As a reader must accept it: fields may be added later.
    io: "input",
    override: ({ jsonSchema }) => dropSafeIntegerBounds(jsonSchema),
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [
      id,
      schema,
    ]),
  );
}

function dropSafeIntegerBounds(schema: { minimum?: number; maximum?: number }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}
