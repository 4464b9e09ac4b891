// `fleet explain`: the fields of what the hub answers, from its own OpenAPI document.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, verbCommand } from "#hub/cli/options.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { createTable } from "#hub/cli/terminal/table.ts";
import { FleetError } from "#shared/errors.ts";

export function explainVerb(cli: Cli): Command {
  return verbCommand("explain", "Explain the fields of what the hub answers.")
    .argument("<path>", "a thing or a field of it, such as device.apps.why")
    .addHelpText(
      "after",
      examples(
        ["fleet explain device", "the fields of a device"],
        ["fleet explain device.reported.host", "deeper"],
      ),
    )
    .action((path: string, options: ConnectionOptions) => explain(cli, path, options));
}

interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  required?: string[];
}

type Schemas = Record<string, Schema>;

async function explain(cli: Cli, path: string, options: ConnectionOptions): Promise<void> {
  const client = await cli.connect(options);
  const document = (await client.document()) as { components: { schemas: Schemas } };
  const { schemas } = document.components;
  const [kind = "", ...fields] = path.split(".");
  let schema: Schema = { $ref: `#/components/schemas/${nameOf(schemas, kind)}` };
  for (const field of fields) schema = fieldOf(schemas, schema, field, path);
  print(cli, schemas, path, schema);
}

/** The whole thing where a list has a shorter form of it. */
function nameOf(schemas: Schemas, kind: string): string {
  const wanted = kind.replace(/s$/, "").toLowerCase();
  const names = Object.keys(schemas);
  const found =
    names.find((name) => name.toLowerCase() === wanted) ??
    names.find((name) => name.toLowerCase() === `${wanted}summary`);
  if (found === undefined) throw unknown(kind, nearest(kind, names));
  return found;
}

function fieldOf(schemas: Schemas, schema: Schema, field: string, path: string): Schema {
  const { properties = {} } = resolved(schemas, schema);
  const found = Object.hasOwn(properties, field) ? properties[field] : undefined;
  if (found !== undefined) return found;
  throw unknown(path, nearest(field, Object.keys(properties)));
}

function unknown(path: string, near: readonly string[]): FleetError {
  return new FleetError("not_found", {
    message: `the hub's API has no "${path}"`,
    hint:
      near.length === 0 ? "Begin with: fleet explain device" : `Did you mean ${near.join(" or ")}?`,
  });
}

/** What a field holds, behind references, lists and "or null". */
function resolved(schemas: Schemas, schema: Schema): Schema {
  const choice = schema.anyOf?.find(({ type }) => type !== "null");
  const name = schema.$ref?.split("/").at(-1);
  const inner = (name === undefined ? undefined : schemas[name]) ?? schema.items ?? choice;
  return inner === undefined ? schema : resolved(schemas, inner);
}

function print({ terminal }: Cli, schemas: Schemas, path: string, schema: Schema): void {
  const inner = resolved(schemas, schema);
  terminal.out(`${terminal.paint(path, "bold")}  ${typeOf(schema)}`);
  const description = schema.description ?? inner.description;
  if (description !== undefined) terminal.out(description);
  if (inner.enum !== undefined) terminal.out(`One of ${inner.enum.join(", ")}.`);
  const required = new Set(inner.required ?? []);
  const rows = Object.entries(inner.properties ?? {});
  if (rows.length === 0) return;
  const table = createTable<[string, Schema]>(
    [
      { title: "FIELD", text: ([name]) => name },
      { title: "TYPE", text: ([, field]) => typeOf(field) },
      { title: "ALWAYS", text: ([name]) => (required.has(name) ? "yes" : "no") },
      { title: "MEANING", text: ([, field]) => field.description ?? " ", atLeast: 20 },
    ],
    terminal,
  );
  terminal.out(table.lines(rows).join("\n"));
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1) ?? "";
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  return [schema.type ?? "any"].flat().join(" or ");
}
