import * as assert from "node:assert/strict";
import type { StagedRevision } from "#edge/release/port.ts";
import { createResolver, type ResolveOptions, resolveApp } from "#edge/release/resolve.ts";
import { revisionOf } from "#shared/desired.ts";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { roleTar, scratch, serveBundles, specOf, stageFrom, storeAt } from "./fixture.ts";

const test = suite("resolving a revision");
const head = "apiVersion: metrica.fleet/v1\nkind: Role\n";
const options: ResolveOptions = {
  project: "web",
  defaultRuntime: "docker",
  runtimes: ["docker", "process"],
};

const files = {
  "compose.yaml": `services:
  web:
    image: web:\${TAG:-1}
    volumes: ["./conf:/etc/web:ro"]
  worker:
    x-fleet: {runtime: process, command: [sh, -c, "sleep 1"]}
    deploy: {replicas: "\${COUNT}"}
`,
  "role.yaml": `${head}values: {COUNT: 2, PORT: 8080}
requires: [COUNT]
health:
  probes:
    - http: http://127.0.0.1:\${PORT}/healthz
    - log: "^ready$$"
      service: worker
`,
  "conf/web.conf": "one",
};

async function staged(
  content: Record<string, string>,
  values: Record<string, string> = {},
): Promise<StagedRevision> {
  using directory = scratch();
  const bundle = roleTar(content);
  await using server = await serveBundles(bundle);
  const store = storeAt(directory.path, server.url);
  const spec = specOf(bundle, { values });
  await stageFrom(store, spec);
  const loaded = await store.load(spec.name, revisionOf(spec));
  const known = new Map(
    [...Object.keys(content), "conf"].map((path) => [path, loaded.contentHash(path)]),
  );
  return {
    ...loaded,
    readText: (path) => content[path.replace(/^\.\//, "")],
    contentHash: (path) => known.get(path),
  };
}

async function refusal(
  content: Record<string, string>,
  given: Partial<ResolveOptions> & { values?: Record<string, string> } = {},
): Promise<FleetError> {
  const revision = await staged({ ...files, ...content }, given.values);
  try {
    resolveApp(revision, { ...options, ...given });
  } catch (error) {
    return error as FleetError;
  }
  return assert.fail("it was resolved");
}

test("gives each service its model, hash and runtime, and the probes their values", async () => {
  const revision = await staged(files, { PORT: "9000" });
  const { app, probes } = resolveApp(revision, options);
  assert.deepEqual(
    [app.app, app.project, app.release],
    ["web", "web", revision.spec.release.digest],
  );
  assert.equal(app.services["web"]?.spec.image, "web:1");
  assert.equal(app.services["web"]?.runtime, "docker");
  assert.equal(app.services["worker"]?.runtime, "process");
  assert.equal(app.services["worker"]?.spec.replicas, 2);
  assert.match(app.services["web"]?.configHash ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual(probes, [
    { http: "http://127.0.0.1:9000/healthz" },
    { log: "^ready$", service: "worker" },
  ]);
  assert.deepEqual(app.values, { COUNT: "2", PORT: "9000" });
});

test("only the service that mounts a changed file has another hash", async () => {
  const hashes = async (conf: string) => {
    const { app } = resolveApp(await staged({ ...files, "conf/web.conf": conf }), options);
    return [app.services["web"]?.configHash, app.services["worker"]?.configHash];
  };
  const [before, after] = [await hashes("one"), await hashes("two")];
  assert.notEqual(before[0], after[0]);
  assert.equal(before[1], after[1]);
});

test("the default runtime decides where a service names none", async () => {
  const { app } = resolveApp(await staged(files), { ...options, defaultRuntime: "process" });
  assert.equal(app.services["web"]?.runtime, "process");
});

test("a required value that is absent or empty is named with its line", async () => {
  const role = { "role.yaml": `${head}requires:\n  - COUNT\n  - API_KEY\n` };
  for (const values of [{ COUNT: "1" }, { COUNT: "1", API_KEY: "" }]) {
    const error = await refusal(role, { values });
    assert.equal(error.code, "variable_missing");
    assert.match(
      error.sentence,
      /^roles\/web\/role\.yaml:5: requires\.1: .*API_KEY, which is not set$/,
    );
    assert.match(error.hint ?? "", /Set API_KEY/);
  }
});

test("a runtime that the device does not have is refused with the service's line", async () => {
  const error = await refusal({}, { runtimes: ["docker"] });
  assert.equal(error.code, "runtime_refused");
  assert.match(error.sentence, /compose\.yaml:5: services\.worker: .*wants the process runtime/);
  assert.match(error.message, /this device has docker$/);
  assert.match(error.hint ?? "", /x-fleet\.runtime/);
});

test("a bad Compose file is named by its place in the repository", async () => {
  const error = await refusal({
    "compose.yaml": "services:\n  web:\n    image: a\n    build: .\n",
  });
  assert.equal(error.code, "compose_unsupported");
  assert.match(error.sentence, /^roles\/web\/compose\.yaml:4: /);
});

test("a missing value without default is refused where it stands", async () => {
  const error = await refusal({
    "compose.yaml": `services:\n  web:\n    image: a:\${TAG:?set it}\n`,
  });
  assert.equal(error.code, "variable_missing");
  assert.match(error.sentence, /^roles\/web\/compose\.yaml:3: /);
});

for (const [what, probe, code, sentence] of [
  [
    "an unknown service",
    "- {log: x, service: nobody}",
    "role_invalid",
    /role\.yaml:\d+: health\.probes\.0\.service: .*"nobody"; it has web, worker$/,
  ],
  [
    "a broken expression",
    "- {log: '(', service: web}",
    "role_invalid",
    /health\.probes\.0\.log: "\(" is not a regular/,
  ],
  [
    "a missing value",
    `- {tcp: '127.0.0.1:\${NOPE:?no port}'}`,
    "variable_missing",
    /role\.yaml:\d+: health\.probes\.0\.tcp: /,
  ],
  ["a lone dollar", "- {log: 'ready$ ', service: web}", "role_invalid", /health\.probes\.0\.log: /],
] as const) {
  test(`a probe with ${what} is refused with its line`, async () => {
    const role = `${head}values: {COUNT: 1}\nhealth:\n  probes:\n    ${probe}\n`;
    const error = await refusal({ "role.yaml": role });
    assert.equal(error.code, code);
    assert.match(error.sentence, sentence);
  });
}

test("a resolver reads and hashes a revision once, and again for another runtime", async () => {
  const revision = await staged(files);
  let hashed = 0;
  const counted: StagedRevision = {
    ...revision,
    contentHash: (path) => {
      hashed += 1;
      return revision.contentHash(path);
    },
  };
  const resolve = createResolver(2);
  const resolved = resolve(counted, options);
  const once = hashed;
  assert.ok(once > 0);
  assert.equal(resolve({ ...counted }, options), resolved);
  assert.equal(hashed, once);
  resolve(counted, { ...options, defaultRuntime: "process" });
  assert.equal(hashed, once * 2);
});

test("a resolver forgets the revision that was used longest ago", async () => {
  const [a, b, c] = await Promise.all(["1", "2", "3"].map((PORT) => staged(files, { PORT })));
  assert.ok(a && b && c);
  const resolve = createResolver(2);
  const first = resolve(a, options);
  const second = resolve(b, options);
  assert.equal(resolve(a, options), first);
  resolve(c, options);
  assert.equal(resolve(a, options), first);
  assert.notEqual(resolve(b, options), second);
});
