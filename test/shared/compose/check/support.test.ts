import * as assert from "node:assert/strict";
import { composeSchema } from "#shared/compose/check/schema.ts";
import {
  deployKeys,
  projectKeys,
  serviceKeys,
  type Verdict,
} from "#shared/compose/check/support.ts";
import { load, refusal, withService } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose support");

for (const [what, table, keys] of [
  ["the top level", projectKeys, composeSchema.properties],
  ["a service", serviceKeys, composeSchema.definitions.service.properties],
  ["deploy", deployKeys, composeSchema.definitions.deployment.properties],
] as const) {
  test(`decides every key that the official schema knows for ${what}`, () => {
    assert.deepEqual(Object.keys(table).toSorted(), Object.keys(keys).toSorted());
  });
}

const samples: Readonly<Record<string, string>> = {
  build: "build: .",
  credential_spec: "credential_spec: {file: a.json}",
  develop: "develop: {watch: [{path: ., action: sync}]}",
  extends: "extends: {service: base, file: base.yaml}",
  isolation: "isolation: hyperv",
  models: "models: [llm]",
  provider: "provider: {type: model}",
  use_api_socket: "use_api_socket: true",
  attach: "attach: false",
  cpu_count: "cpu_count: 2",
  cpu_percent: "cpu_percent: 50",
  pull_refresh_after: "pull_refresh_after: 24h",
};

function keysWith(kind: Verdict["kind"], table: Readonly<Record<string, Verdict>>): string[] {
  return Object.keys(table).filter((key) => table[key]?.kind === kind);
}

for (const key of keysWith("refused", serviceKeys)) {
  test(`refuses ${key} of a service by name, with line, reason and hint`, () => {
    const error = refusal(withService(`image: i\n${samples[key]}`));
    assert.equal(error.code, "compose_unsupported");
    assert.deepEqual(error.where, {
      file: "compose.yaml",
      line: 4,
      column: 5,
      key: `services.web.${key}`,
    });
    assert.match(error.message, /^is not supported: /);
    assert.ok(error.hint);
  });
}

for (const key of keysWith("ignored", serviceKeys)) {
  test(`ignores ${key} of a service with a warning`, () => {
    const { warnings } = load(withService(`image: i\n${samples[key]}\nrestart: always`));
    assert.match(
      warnings.join("\n"),
      new RegExp(`^compose.yaml:4: services.web.${key}: is ignored: `),
    );
  });
}

for (const [key, text] of [
  ["include", "include: [other.yaml]"],
  ["models", "models: {llm: {model: ai/x}}"],
] as const) {
  test(`refuses the top-level key ${key}`, () => {
    const error = refusal(`${text}\nservices: {web: {image: i}}\n`);
    assert.deepEqual(
      [error.code, error.where?.key, error.where?.line],
      ["compose_unsupported", key, 1],
    );
  });
}

test("ignores version and name at the top with a warning", () => {
  const { warnings } = load(
    'version: "3.8"\nname: shop\nservices: {web: {image: i, restart: always}}\n',
  );
  assert.deepEqual(warnings, [
    "compose.yaml:1: version: is ignored: it is obsolete",
    "compose.yaml:2: name: is ignored: the app's name is the project's name",
  ]);
});

test("ignores what concerns a Swarm under deploy with a warning for each", () => {
  const deploy = [
    "deploy:",
    "  endpoint_mode: vip",
    "  labels: {a: b}",
    "  placement: {constraints: [a]}",
    "  update_config: {parallelism: 1}",
    "  rollback_config: {parallelism: 1}",
    "  replicas: 2",
  ];
  const { warnings, project } = load(
    withService(`image: i\nrestart: always\n${deploy.join("\n")}`),
  );
  assert.equal(project.services["web"]?.replicas, 2);
  assert.deepEqual(
    warnings.map((warning) => /deploy\.(\w+): is ignored/.exec(warning)?.[1]),
    keysWith("ignored", deployKeys).toSorted(
      (a, b) =>
        deploy.findIndex((line) => line.includes(a)) - deploy.findIndex((line) => line.includes(b)),
    ),
  );
});
