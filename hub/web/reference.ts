// The API reference as a page, written from the OpenAPI document.
import { html } from "hono/html";
import type { ApiDocument } from "#hub/api/document.ts";
import { problemCodes } from "#hub/api/problem.ts";
import { type Html, heads } from "./html.ts";
import { schemaBlock, schemaText } from "./reference_schema.ts";

/** The parts of an operation that the page shows. */
interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema?: object }> };
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema?: object }> }
  >;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: object;
}

interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

export function referenceMain(document: ApiDocument): Html {
  const entries = entriesOf(document);
  const sections = (document.tags ?? []).map(({ name, description }) => {
    const own = entries.filter(({ operation }) => operation.tags?.includes(name));
    return html`<section><h2>${name}</h2><p class="muted">${description}</p>${own.map(operationBlock)}</section>`;
  });
  const schemas = Object.entries(document.components?.schemas ?? {});
  return html`<h1>API</h1>
<p class="lead">${paragraph(document.info.description ?? "")}</p>
<p><a class="button quiet" href="/openapi.json">openapi.json</a></p>
${sections}
<section><h2>Schemas</h2>${schemas.map(([name, schema]) => schemaBlock(name, schema))}</section>
${problemSection()}`;
}

function entriesOf(document: ApiDocument): Entry[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

/** Text with `code` in backticks. */
function paragraph(text: string): Html[] {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function operationBlock({ method, path, operation }: Entry): Html {
  const { operationId = "", summary = "", description, parameters = [], requestBody } = operation;
  return html`<details class="card operation" id="${operationId}"><summary><code class="method">${method}</code> <code class="wrap">${path}</code> <span class="muted">${summary}</span></summary>
${description === undefined ? "" : html`<p>${paragraph(description)}</p>`}
<p class="muted">${access(operation)}</p>
${parameters.length === 0 ? "" : parameterTable(parameters)}
${requestBody === undefined ? "" : html`<p>Body: ${bodyText(requestBody.content)}</p>`}
<ul class="answers">${Object.entries(operation.responses).map(
    ([status, { description: told, content }]) =>
      html`<li><b>${status === "default" ? "else" : status}</b> ${told}${content === undefined ? "" : html` ${bodyText(content)}`}</li>`,
  )}</ul></details>`;
}

function access({ security }: Operation): string {
  if (security === undefined) return "Open to anyone.";
  return `Wants: ${security.flatMap((one) => Object.keys(one)).join(" or ")}.`;
}

function bodyText(content: Record<string, { schema?: object }>): Html[] {
  return Object.entries(content).map(
    ([type, { schema }]) =>
      html`<code>${type}</code>${schema === undefined ? "" : html` ${schemaText(schema)}`}`,
  );
}

function parameterTable(parameters: Parameter[]): Html {
  const rows = parameters.map(
    (one) => html`<tr role="row"><th scope="row" role="rowheader"><code>${one.name}</code></th>
<td role="cell" data-name="In">${one.in}${one.required ? "" : ", optional"}</td>
<td role="cell" data-name="Type">${schemaText(one.schema ?? {})}</td>
<td role="cell" data-name="Meaning">${paragraph(one.description ?? "")}</td></tr>`,
  );
  return html`<table role="table"><caption class="hidden">Parameters</caption>
<thead role="rowgroup"><tr role="row">${heads("Parameter", "In", "Type", "Meaning")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>`;
}

function problemSection(): Html {
  const rows = problemCodes().map(
    ({
      code,
      status,
      title,
    }) => html`<tr role="row" id="problem-${code}"><th scope="row" role="rowheader"><code>${code}</code></th>
<td role="cell" data-name="Status">${status}</td><td role="cell" data-name="Title">${title}</td></tr>`,
  );
  return html`<section aria-labelledby="problems-title"><h2 id="problems-title">Problems</h2>
<table role="table" class="narrow"><caption class="hidden">Codes of problems</caption>
<thead role="rowgroup"><tr role="row">${heads("Code", "Status", "Title")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></section>`;
}
