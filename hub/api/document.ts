// The OpenAPI document of the whole API.
import type { OpenAPIHono } from "@hono/zod-openapi";
import { componentSchemas } from "./component.ts";
import type { ApiEnv } from "./env.ts";

type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

export interface ApiDocument extends OpenApiDocument {
  openapi: string;
}

const description = `Everything the hub knows of its fleet. Times are integer Unix milliseconds. Lists are
\`{items, next}\`; \`next\` is the \`cursor\` of the next page. What is read has a strong \`ETag\`; send it as
\`If-None-Match\` and get 304 while nothing changed. Errors are problems (RFC 9457) with a stable \`code\`.`;

const securitySchemes = {
  operator: {
    type: "http",
    scheme: "bearer",
    description: "An operator's token, or the session cookie of the page.",
  },
  device: {
    type: "http",
    scheme: "basic",
    description: "A device's id and the secret that enrolment gave it.",
  },
  webhook: {
    type: "apiKey",
    in: "header",
    name: "X-Hub-Signature-256",
    description: "`sha256=` and the hex HMAC of the body under the webhook's secret.",
  },
} as const;

export function openApiDocument(app: OpenAPIHono<ApiEnv>, version: string): ApiDocument {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.1",
    info: { title: "Metrica Fleet", version, description, license },
    servers: [{ url: "/" }],
    tags,
  });
  const schemas = componentSchemas() as NonNullable<typeof document.components>["schemas"] & object;
  return { ...document, components: { ...document.components, schemas, securitySchemes } };
}

const license = { name: "Apache-2.0", identifier: "Apache-2.0" };

const tags = [
  { name: "Fleet", description: "The whole, its sites, branches, deployments and releases." },
  {
    name: "Rollouts",
    description: "How releases move through the devices, and the halt of the fleet.",
  },
  { name: "Runs", description: "Plans, their runs on devices, and the phases of devices." },
  {
    name: "Control",
    description:
      "What people order over the repository: pins, overrides of a device, forced looks.",
  },
  { name: "Devices", description: "Each device: what it has, what it wants, what happened." },
  { name: "Events", description: "What happened, as a list and as a stream." },
  { name: "Access", description: "Tokens and codes that an operator hands out." },
  { name: "Monitoring", description: "Health, metrics and scrape targets." },
  { name: "Devices' own routes", description: "What agents call." },
];
