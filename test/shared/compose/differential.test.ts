// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
// Compares the loader with Docker's own Compose: the model of a file must be the model of the normal form
// that `docker-compose config` prints for it.
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCompose } from "#shared/compose/load.ts";
import type { ComposeProject } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose against docker-compose", { limitMs: 240_000 });
const scratch = mkdtempSync(join(tmpdir(), "fleet-compose-"));
test.before(() => cpSync(join(import.meta.dirname, "fixtures"), scratch, { recursive: true }));
test.after(() => rmSync(scratch, { recursive: true }));

const values = { TAG: "1.2", EMPTY: "", COUNT: "3", SITE: "north hall" };

function modelOf(text: string): ComposeProject {
  const readText = (path: string) =>
    existsSync(join(scratch, path)) ? readFileSync(join(scratch, path), "utf8") : undefined;
  return loadCompose({ file: "compose.yaml", text, values, readText }).project;
}

function normalForm(file: string): string {
  const { status, stdout, stderr } = spawnSync("docker-compose", ["-f", file, "config"], {
    cwd: scratch,
    env: { PATH: process.env["PATH"] ?? "", HOME: "/root", ...values },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  // It makes paths of the release absolute.
  return stdout.replaceAll(scratch, ".");
}

function compare(file: string): void {
  const original = readFileSync(join(scratch, file), "utf8");
  assert.deepEqual(modelOf(original), modelOf(normalForm(file)));
}

for (const file of ["home-assistant.yaml", "node-red.yaml", "zigbee2mqtt.yaml"]) {
  test.real("docker-compose", `reads ${file} as docker-compose does`, () => compare(file));
}

const wide = `version: "3.8"
x-base: &base
  restart: on-failure:3
  labels: [a=1, "b=x=y", c]
services:
  web:
    <<: *base
    image: "web:\${TAG}"
    command: sh -c 'echo "a b" \\$$HOME; exec run --name=\${SITE}' "x y"
    environment:
      PLAIN: \${TAG}
      DEFAULT: \${NONE:-d}\${EMPTY:-e}\${EMPTY-f}
      BRACES: "\${NONE:-{}}"
      DOLLAR: $$5 and $\${NOT}
      NUMBER: 7
      OCTAL: "0644"
      NOTHING: ""
      SITE:
    env_file: [extra.env]
    ports: ["80", "8080:80", "127.0.0.1:8081:81/udp", "9000-9001:7000-7001"]
    volumes: ["./conf:/conf:ro", "/etc/localtime:/etc/localtime:ro", "data:/data", "/anonymous"]
    tmpfs: /run
    depends_on: [db]
    healthcheck:
      test: ["CMD", "true", "$$HOME"]
      interval: 1m30s
      timeout: 1.5s
      start_period: 2h
      retries: 4
    stop_grace_period: 1m
    ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}
    extra_hosts: ["h:1.2.3.4"]
    networks: {lan: {aliases: [w], ipv4_address: 10.9.0.2}}
    deploy: {replicas: 3, resources: {limits: {memory: 1.5g, cpus: "0.25"}}}
    configs: [{source: c, target: /c, mode: 0440}]
  db:
    image: db
    networks: [lan]
    sysctls: {net.core.somaxconn: 1024}
    cap_drop: [ALL]
    logging: {driver: json-file, options: {max-size: 10m}}
    init: true
configs: {c: {file: ./c.conf}}
volumes: {data: {driver_opts: {type: tmpfs, o: "size=1"}}}
networks: {lan: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}
`;

const extra = `# comment
export A=1
B='single $TAG' # comment
C="double \${TAG} \\"q\\""
D=plain \${NONE:-d} # comment
E=
F=a#b
`;

test.real("docker-compose", "reads a wide file as docker-compose does", () => {
  writeFileSync(join(scratch, "wide.yaml"), wide);
  writeFileSync(join(scratch, "extra.env"), extra);
  writeFileSync(join(scratch, "c.conf"), "");
  compare("wide.yaml");
});

for (const [name, service] of [
  ["an unknown key", "image: i\n    bogus: 1"],
  ["a wrong type", "image: i\n    ports: 80"],
  ["a demanded variable", "image: ${NONE:?give it}"],
  ["an unescaped dollar", "image: i\n    command: echo $(date)"],
  ["an unknown volume", "image: i\n    volumes: ['nope:/a']"],
  ["a duplicate item", "image: i\n    cap_add: [A, A]"],
  ["a missing env_file", "image: i\n    env_file: none.env"],
] as const) {
  test.real("docker-compose", `refuses ${name} as docker-compose does`, () => {
    const text = `version: "3.8"\nservices:\n  web:\n    ${service}\n`;
    writeFileSync(join(scratch, "wrong.yaml"), text);
    const { status } = spawnSync("docker-compose", ["-f", "wrong.yaml", "config"], {
      cwd: scratch,
    });
    assert.equal(status, 1);
    assert.throws(() => modelOf(text), { name: "FleetError" });
  });
}
