// The local API in OpenAPI's words, short: what there is, what it takes, and who may.
const json = (description: string) => ({
  description,
  content: { "application/json": { schema: { type: "object" } } },
});
const problem = {
  description: "A problem (RFC 9457) with a stable code and a hint.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

const reading = (summary: string) => ({
  get: { summary, responses: { 200: json(summary), default: problem } },
});

/** With the token, as a form or as JSON; a form is answered by 303 to the page. */
const command = (summary: string, properties: object, required: string[] = []) => {
  const schema = { type: "object", properties, required };
  const content = { schema };
  return {
    post: {
      summary,
      security: [{ token: [] }, { session: [] }],
      requestBody: {
        content: { "application/json": content, "application/x-www-form-urlencoded": content },
      },
      responses: {
        202: json("Asked for; the status shows what comes of it."),
        303: { description: "The same, for a form." },
        default: problem,
      },
    },
  };
};

const text = { type: "string" };
const inPath = (name: string) => ({ name, in: "path", required: true, schema: text });
const inQuery = (name: string, schema: object) => ({ name, in: "query", schema });

export const openApi = {
  openapi: "3.1.0",
  info: { title: "Metrica Fleet, the device's own API", version: "1" },
  paths: {
    "/healthz": {
      get: {
        summary: "Whether the agent's loop and every step of it come to an end in time",
        responses: { 200: json("It lives."), 503: json("It hangs; `reason` says where.") },
      },
    },
    "/metrics": {
      get: {
        summary: "Prometheus metrics",
        responses: { 200: { description: "Text", content: { "text/plain": { schema: text } } } },
      },
    },
    "/v1/status": reading("Everything that the device says of itself"),
    "/v1/events": reading("The last events, newest first"),
    "/v1/updates": reading("The last updates with their steps, newest first"),
    "/v1/openapi.json": reading("This document"),
    "/v1/logs": {
      get: {
        summary: "The last lines of a service's log, or of the agent's when none is named",
        security: [{ token: [] }, { session: [] }],
        parameters: [
          inQuery("app", text),
          inQuery("service", text),
          inQuery("tail", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
        ],
        responses: { 200: json("`lines`, oldest first"), default: problem },
      },
    },
    "/v1/retry": command("Try one app, or all of them, again now", { app: text }),
    "/v1/deep-check": command(
      "Check files, volumes, journal and disk in depth now; the status shows as `deepCheck` what was found",
      {},
    ),
    "/v1/safe-mode": command(
      "Enter or leave safe mode",
      { do: { enum: ["enter", "leave"] }, reason: { ...text, maxLength: 200 } },
      ["do"],
    ),
    "/v1/services/{app}/{service}/restart": {
      parameters: [inPath("app"), inPath("service")],
      ...command("Restart every copy of a service", {}),
    },
  },
  components: {
    securitySchemes: {
      token: { type: "http", scheme: "bearer" },
      session: { type: "apiKey", in: "cookie", name: "fleet_page_<device>" },
    },
    schemas: {
      Problem: {
        type: "object",
        required: ["type", "title", "status", "detail", "code"],
        properties: {
          ...{ type: text, title: text, status: { type: "integer" }, detail: text },
          ...{ code: text, hint: text },
        },
      },
    },
  },
} as const;
