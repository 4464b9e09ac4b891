import * as assert from "node:assert/strict";
import fc from "fast-check";
import { serviceHash } from "#shared/compose/hash.ts";
import { suite } from "#test/suite.ts";
import { load, named, type Surroundings } from "./harness.ts";

const test = suite("compose service hash");

const rest = `
networks: {lan: {driver: bridge}}
volumes: {data: {}}
configs: {conf: {file: ./app.conf}, inline: {content: "a=\${A-1}"}}
secrets: {key: {environment: KEY}, token: {file: ./token}}
`;
const full = `
    image: web:1
    environment: {B: "2", A: "1"}
    labels: {x: y}
    ports: ["80:80", "81:81"]
    cap_add: [NET_ADMIN, SYS_TIME]
    networks: [lan]
    volumes: ["./site:/srv", "data:/data", "/etc/localtime:/etc/localtime:ro"]
    configs: [conf, inline]
    secrets: [key, token]
    command: [run, fast]`;
const contents = { site: "s1", "app.conf": "c1", token: "t1" };

function hashOf(
  keys: string,
  around: Surroundings & { contents?: Record<string, string>; rest?: string } = {},
): string {
  const text = `services:\n  other: {image: o}\n  web:${keys}\n${around.rest ?? rest}`;
  const files = { "app.conf": "", token: "" };
  const { project } = load(text, { files, values: { KEY: "k" }, ...around });
  const known = around.contents ?? contents;
  return serviceHash(
    named(project, "web"),
    (path) => (known as Record<string, string>)[path],
    project,
  );
}

const base = hashOf(full);

for (const [what, keys] of [
  ["replicas", `${full}\n    deploy: {replicas: 10}`],
  ["scale", `${full}\n    scale: 3`],
  ["a dependency", `${full}\n    depends_on: [other]`],
  ["the pull policy", `${full}\n    pull_policy: always`],
  [
    "the order of keys and of lists that are sets",
    full
      .split("\n")
      .toReversed()
      .join("\n")
      .replace("[NET_ADMIN, SYS_TIME]", "[SYS_TIME, NET_ADMIN]")
      .replace('["80:80", "81:81"]', '["81:81", "80:80"]'),
  ],
  ["the form of a port", full.replace('"80:80"', "{target: 80, published: 80}")],
] as const) {
  test(`stays when ${what} changes`, () => assert.equal(hashOf(`\n${keys.trimEnd()}`), base));
}

for (const [what, keys] of [
  ["the image", full.replace("web:1", "web:2")],
  ["an environment variable", full.replace('B: "2"', 'B: "3"')],
  ["the order of a command", full.replace("[run, fast]", "[fast, run]")],
  ["a label", full.replace("x: y", "x: z")],
  ["the restart policy", `${full}\n    restart: always`],
  ["the grace period", `${full}\n    stop_grace_period: 1m`],
  ["the runtime", `${full}\n    x-fleet: {runtime: process}`],
] as const) {
  test(`changes with ${what}`, () => assert.notEqual(hashOf(keys), base));
}

const handOver = "    x-fleet: {update: hand-over}";
const published = (port: string): string => `${full.replace('"80:80"', port)}\n${handOver}`;

test("of a service that is handed over leaves out where the device holds its port", () => {
  const there = hashOf(published('"80:80"'));
  assert.equal(hashOf(published('"8080:80"')), there);
  assert.equal(hashOf(published('"127.0.0.1:8080:80"')), there);
  for (const other of ['"80:81"', '"80"']) assert.notEqual(hashOf(published(other)), there);
  assert.notEqual(there, base);
});

test("changes with the content of a directory, a config or a secret of the release", () => {
  const hashes = Object.keys(contents).map((path) =>
    hashOf(full, { contents: { ...contents, [path]: "other" } }),
  );
  assert.equal(new Set([base, ...hashes]).size, 4);
});

test("changes with a config's inline content and with the value of a secret", () => {
  const inline = hashOf(full, { values: { KEY: "k", A: "2" } });
  const secret = hashOf(full, { values: { KEY: "other" } });
  assert.equal(new Set([base, inline, secret]).size, 3);
});

test("changes with a network or volume that the service uses, and with no other", () => {
  assert.notEqual(hashOf(full, { rest: rest.replace("bridge", "macvlan") }), base);
  assert.notEqual(hashOf(full, { rest: rest.replace("data: {}", "data: {name: shared}") }), base);
  assert.equal(hashOf(full, { rest: rest.replace("data: {}", "data: {}, unused: {}") }), base);
});

test("does not ask for the content of a path outside the release", () => {
  const { project } = load(
    "services: {web: {image: i, volumes: ['/etc/a:/a', '../b:/b', 'v:/v', './c:/c', '.:/d']}}\nvolumes: {v: }\n",
  );
  const asked: string[] = [];
  serviceHash(named(project, "web"), (path) => void asked.push(path), project);
  assert.deepEqual(asked.toSorted(), [".", "c"]);
});

const entries = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[A-Za-z_]{1,5}$/), fc.string()), {
  selector: ([key]) => key,
});

test("is the same for the same environment and labels in any order", () => {
  fc.assert(
    fc.property(entries, entries, (environment, labels) => {
      const [there, back] = [false, true].map((reversed) => {
        const ordered = (pairs: [string, string][]) =>
          Object.fromEntries(reversed ? pairs.toReversed() : pairs);
        const escaped = JSON.stringify({
          services: {
            web: { image: "i", environment: ordered(environment), labels: ordered(labels) },
          },
        }).replaceAll("$", "$$$$");
        const { project } = load(escaped);
        return serviceHash(named(project, "web"), () => undefined, project);
      });
      assert.equal(there, back);
    }),
    { numRuns: 60 },
  );
});
