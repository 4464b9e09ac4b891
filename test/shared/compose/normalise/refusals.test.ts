// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import { refusalText, withService } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose service refusals");
const rest =
  "configs: {c: {content: x}}\nsecrets: {s: {environment: S}}\nnetworks: {lan: , wan: }\n";
const around = { files: { "a.env": "A=a\n" } };

for (const [yaml, line, expected] of [
  ["env_file: none.env", 4, "env_file: the file none.env is not part of the release"],
  [
    "env_file:\n  - path: a.env\n    format: json",
    6,
    'env_file.0.format: must be raw, but is "json"',
  ],
  ["label_file: none", 4, "label_file: the file none is not part of the release"],
  [
    "restart: sometimes",
    4,
    'restart: must be no, always, unless-stopped or on-failure[:N], but is "sometimes"',
  ],
  [
    "restart: always:3",
    4,
    'restart: must be no, always, unless-stopped or on-failure[:N], but is "always:3"',
  ],
  [
    "deploy:\n  replicas: many",
    5,
    'deploy.replicas: must be a whole number of at least 0, but is "many"',
  ],
  [
    "deploy:\n  replicas: -1",
    5,
    'deploy.replicas: must be a whole number of at least 0, but is "-1"',
  ],
  ["scale: 2\ndeploy: {replicas: 3}", 4, "scale: contradicts deploy.replicas"],
  ["container_name: me\nscale: 2", 4, "container_name: one name cannot be given to 2 containers"],
  ["command: echo 'a", 4, 'command: must be a command whose quotes are closed, but is "echo \'a"'],
  [
    "stop_grace_period: '10'",
    4,
    'stop_grace_period: must be a duration such as 10s or 1m30s, but is "10"',
  ],
  ["mem_limit: lots", 4, 'mem_limit: must be a size such as 64m or 1g, but is "lots"'],
  [
    "mem_limit: 1m\ndeploy: {resources: {limits: {memory: 2m}}}",
    4,
    "mem_limit: contradicts deploy.resources.limits.memory",
  ],
  ["privileged: maybe", 4, 'privileged: must be true or false, but is "maybe"'],
  ["cpus: many", 4, 'cpus: must be a number of at least 0, but is "many"'],
  [
    "healthcheck:\n  test: [curl, x]",
    5,
    "healthcheck.test: must be a text, or a list that begins with NONE, CMD or CMD-SHELL",
  ],
  [
    "healthcheck:\n  test: [CMD]",
    5,
    "healthcheck.test: must be a text, or a list that begins with NONE, CMD or CMD-SHELL",
  ],
  [
    "healthcheck:\n  interval: soon",
    5,
    'healthcheck.interval: must be a duration such as 10s or 1m30s, but is "soon"',
  ],
  [
    "ulimits:\n  nofile: {soft: 3, hard: 2}",
    5,
    "ulimits.nofile: the soft limit is above the hard one",
  ],
  [
    "devices: ['/dev/a:/dev/b:r:x']",
    4,
    'devices.0: "/dev/a:/dev/b:r:x" is not of the form SOURCE[:TARGET[:PERMISSIONS]]',
  ],
  [
    "devices: ['/dev/a:/dev/b:xyz']",
    4,
    'devices.0: permissions are made of r, w and m, but are "xyz"',
  ],
  ["extra_hosts: [nohost]", 4, "extra_hosts.0: must have the form host=address"],
  ["networks: [nope]", 4, "networks.0: the network nope is not defined"],
  ["networks:\n  nope:", 5, "networks.nope: the network nope is not defined"],
  ["networks: [lan]\nnetwork_mode: host", 4, "networks: cannot stand beside network_mode"],
  ["configs: [nope]", 4, "configs.0: the config nope is not defined"],
  ["secrets: [{source: nope}]", 4, "secrets.0: the secret nope is not defined"],
  ["depends_on: [nope]", 4, "depends_on.0: the service nope is not defined"],
  ["links: [nope:x]", 4, "links.0: the service nope is not defined"],
  ["volumes_from: [nope:ro]", 4, "volumes_from.0: the service nope is not defined"],
  ["network_mode: service:nope", 4, "network_mode: the service nope is not defined"],
  [
    "gpus: [{count: 1, device_ids: [a]}]",
    4,
    "gpus.0.count: contradicts device_ids: give one of them",
  ],
  [
    "x-fleet: {runtme: process}",
    4,
    "x-fleet.runtme: is none of the keys runtime, command, update, updateLock and telemetry",
  ],
  ["x-fleet:\n  runtime: podman", 5, 'x-fleet.runtime: must be docker or process, but is "podman"'],
  ["x-fleet:\n  command: ''", 5, "x-fleet.command: is empty"],
  [
    "x-fleet: [a]",
    4,
    "x-fleet: must be a map with the keys runtime, command, update, updateLock and telemetry",
  ],
  [
    "x-fleet:\n  update: blue-green",
    5,
    'x-fleet.update: must be hand-over or replace, but is "blue-green"',
  ],
] as const) {
  test(`refuses ${yaml.replaceAll("\n", " ")}`, () => {
    const text = withService(`image: i\n${yaml}`, rest);
    assert.equal(
      refusalText(text, around),
      `compose_invalid compose.yaml:${line}: services.web.${expected}`,
    );
  });
}

const beside = "while an update is handed over, two copies run side by side";
for (const [yaml, line, expected] of [
  [
    "ports: ['80:80', '53:53/udp']",
    5,
    "ports.1: published port 53/udp is refused: only TCP connections can be handed over",
  ],
  [
    "ports: ['8000-8002:80']",
    5,
    "ports.0: the published range 8000-8002 is refused: all copies share one port",
  ],
  [
    "network_mode: host",
    5,
    `network_mode: a network namespace of others cannot be shared: ${beside}`,
  ],
  ["mac_address: 02:42:ac:11:00:02", 5, `mac_address: a fixed MAC address is refused: ${beside}`],
  [
    "networks: {lan: {ipv4_address: 10.0.0.2}}",
    5,
    `networks.lan: a fixed address is refused: ${beside}`,
  ],
] as const) {
  test(`refuses ${yaml} for a service that is handed over, and takes it otherwise`, () => {
    const text = (update: string) =>
      withService(`image: i\nx-fleet: {update: ${update}}\n${yaml}`, rest);
    assert.equal(
      refusalText(text("hand-over"), around),
      `compose_unsupported compose.yaml:${line}: services.web.${expected}`,
    );
    assert.throws(() => refusalText(text("replace"), around));
  });
}

for (const [yaml, expected] of [
  [
    "pull_policy: build",
    "compose_unsupported compose.yaml:4: services.web.pull_policy: is not supported: a device does not build images",
  ],
  [
    "deploy: {mode: global-job}",
    "compose_unsupported compose.yaml:4: services.web.deploy.mode: is not supported: global-job is a Swarm's mode",
  ],
  [
    "hostname: ${HOST:?name it}",
    "variable_missing compose.yaml:4: services.web.hostname: HOST is not set: name it",
  ],
  ["hostname: a$", 'compose_invalid compose.yaml:4: services.web.hostname: "$" is not a variable'],
  [
    "mem_limit: ${MEMORY}",
    'variable_missing compose.yaml:4: services.web.mem_limit: MEMORY is not set: must be a size such as 64m or 1g, but is ""',
  ],
] as const) {
  test(`refuses ${yaml}`, () => {
    assert.equal(refusalText(withService(`image: i\n${yaml}`)), expected);
  });
}

test("wants an image or a command for the process runtime", () => {
  assert.equal(
    refusalText(withService("restart: always")),
    "compose_invalid compose.yaml:2: services.web: has neither an image nor an x-fleet command",
  );
  assert.equal(
    refusalText(withService("image: $NONE")),
    "variable_missing compose.yaml:3: services.web.image: NONE is not set: is empty",
  );
});

test("names the line of an env_file that cannot be read", () => {
  const text = withService("image: i\nenv_file: conf/bad.env");
  const files = { "conf/bad.env": "A=1\n=2\n" };
  assert.equal(
    refusalText(text, { files }),
    'compose_invalid conf/bad.env:2: "=2" is not of the form NAME=value',
  );
});
