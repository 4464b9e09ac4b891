// JSON Schemas as short readable text for the API reference.
import { html } from "hono/html";
import type { Html } from "./html.ts";

/** The keywords that the product's schemas use. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

/** A named schema with a row for each property. */
export function schemaBlock(name: string, schema: object): Html {
  const { properties, required = [] } = schema as Schema;
  const content =
    properties === undefined
      ? html`<p>${schemaText(schema)}</p>`
      : html`<ul class="properties">${Object.entries(properties).map(([key, value]) => property(key, value, required.includes(key)))}</ul>`;
  return html`<details class="card" id="schema-${name}"><summary><code>${name}</code></summary>${content}</details>`;
}

function property(name: string, schema: Schema, isRequired: boolean): Html {
  const { description } = schema;
  return html`<li><code>${name}${isRequired ? "" : "?"}</code> <span>${schemaText(schema)}</span>${description === undefined ? "" : html` <span class="muted">${description}</span>`}</li>`;
}

/** `Device`, `string`, `integer 1…500 = 50`, `A or null`, `array of B`. */
export function schemaText(given: object): Html {
  const schema = given as Schema;
  if (schema.$ref !== undefined) return reference(schema.$ref);
  if (schema.anyOf !== undefined) return html`${joined(schema.anyOf.map(schemaText), " or ")}`;
  if (schema.enum !== undefined)
    return html`${schema.enum.map(String).join(" | ")}${fallback(schema)}`;
  if (schema.const !== undefined) return html`${JSON.stringify(schema.const)}`;
  if (schema.items !== undefined) return html`array of ${schemaText(schema.items)}`;
  return html`${typeText(schema)}${bounds(schema)}${fallback(schema)}`;
}

function reference(target: string): Html {
  const name = target.split("/").at(-1) ?? "";
  return html`<a href="#schema-${name}">${name}</a>`;
}

function joined(parts: Html[], separator: string): unknown[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]));
}

function typeText({ type = "any", properties, additionalProperties }: Schema): string {
  if (properties !== undefined) return `object {${Object.keys(properties).join(", ")}}`;
  if (typeof additionalProperties === "object") return "map";
  return [type].flat().join(" or ");
}

function bounds({ minimum, maximum }: Schema): string {
  if (minimum === undefined && maximum === undefined) return "";
  return ` ${minimum ?? ""}…${maximum ?? ""}`;
}

function fallback(schema: Schema): string {
  return schema.default === undefined ? "" : ` = ${JSON.stringify(schema.default)}`;
}
