import * as assert from "node:assert/strict";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import { problemCodes } from "#hub/api/problem.ts";
import { suite } from "#test/suite.ts";
import {
  addDevice,
  addJournal,
  addRollout,
  digestOf,
  releaseRow,
  updateEntries,
} from "./fixtures.ts";
import { asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("OpenAPI document");
let world: World;
let document: Document;

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, { description?: string; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, AnySchema>; securitySchemes: Record<string, object> };
}

test.before(async () => {
  world = await createWorld();
  document = (await (await world.get("/openapi.json")).json()) as Document;
});
test.after(() => world.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

function ajv(): Ajv2020 {
  const checker = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    validateFormats: false,
  });
  checker.addVocabulary(["components"]);
  return checker.addSchema({ $id: "openapi", components: document.components });
}

test("is OpenAPI 3.1 with unique ids, described answers and declared path parameters", () => {
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.version, "1.2.3");
  const ids = operations().map(({ operation }) => operation.operationId);
  assert.ok(ids.every((id) => id !== undefined));
  assert.equal(new Set(ids).size, ids.length);
  for (const { path, operation } of operations()) {
    assert.ok(operation.summary && operation.tags?.length === 1, path);
    for (const answer of Object.values(operation.responses)) assert.ok(answer.description, path);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = operation.parameters?.filter((one) => one.in === "path" && one.required) ?? [];
    assert.deepEqual(new Set(declared.map(({ name }) => name)), new Set(named), path);
  }
});

test("each tag is explained once", () => {
  const explained = document.tags.map(({ name }) => name);
  assert.equal(new Set(explained).size, explained.length, explained.join());
  for (const { path, operation } of operations()) {
    assert.ok(explained.includes(operation.tags?.[0] ?? ""), path);
  }
});

test("has every route of the application, and no other", () => {
  const described = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const served = world.app.routes
    .filter(({ method, path }) => method !== "ALL" && path !== "/openapi.json")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  assert.deepEqual(described.sort(), [...new Set(served)].sort());
});

test("every schema is valid JSON Schema 2020-12 and every reference leads somewhere", () => {
  const checker = ajv();
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(checker.getSchema(`openapi#/components/schemas/${name}`), name);
  }
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(document.components.schemas[name ?? ""], name);
  }
  assert.ok(!text.includes('"$schema"') && !text.includes('"$id"'));
});

test("optional fields are not called required", () => {
  const summary = document.components.schemas["AppSummary"] as { required: string[] };
  assert.deepEqual(summary.required, ["name", "sync", "health"]);
});

test("real answers have the described form", async () => {
  const device = await addDevice(world, "pi-1");
  const entries = updateEntries({
    attempt: "a",
    fromSeq: 1,
    steps: ["swap"],
    outcome: "succeeded",
  });
  await addJournal(world, device, entries);
  await world.store.saveRelease(releaseRow("first"));
  await world.store.saveBranch({
    branch: "main",
    head: "a",
    accepted: null,
    refusal: "x",
    checkedAt: startMs,
  });
  const rollout = await addRollout(world);
  const reason = "every answer is wanted";
  const order = async (path: string, body: object): Promise<{ id: string }> => {
    const response = await world.post(path, { reason, ...body }, asOperator);
    assert.ok(response.ok, path);
    return (await response.json()) as { id: string };
  };
  await order(`/v1/rollouts/${rollout}/halt`, {});
  await order(`/v1/rollouts/${rollout}/bisect`, { devices: [device] });
  const run = await order("/v1/runs", { device, plan: "reboot", request: "r-1" });
  const checker = ajv();
  for (const { path, method, operation } of operations()) {
    const schema = operation.responses["200"]?.content?.["application/json"]?.schema;
    if (method !== "get" || schema === undefined) continue;
    const url = path
      .replace("/rollouts/{id}", `/rollouts/${rollout}`)
      .replace("/runs/{id}", `/runs/${run.id}`)
      .replace("/plans/{name}", "/plans/reboot")
      .replace("{name}", "robots")
      .replace("{id}", device)
      .replace("{digest}", digestOf("first"));
    const response = await world.get(url, asOperator);
    assert.equal(response.status, 200, url);
    const check = checker.compile(rebased(schema));
    assert.ok(check(await response.json()), `${url}: ${JSON.stringify(check.errors)}`);
  }
});

function rebased(schema: object): AnySchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components'));
}

test("a problem has the described form, and its codes have statuses", async () => {
  const check = ajv().getSchema("openapi#/components/schemas/Problem");
  const problem = await (await world.get("/v1/devices?limit=0", asOperator)).json();
  assert.ok(check?.(problem), JSON.stringify(check?.errors));
  for (const { code, status } of problemCodes()) assert.ok(status >= 400 && status < 600, code);
});
