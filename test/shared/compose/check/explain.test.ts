import * as assert from "node:assert/strict";
import { refusal, refusalText, withService } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose schema errors");

for (const [body, line, expected] of [
  ["user: 1000", 4, "user: must be a text, but is the number 1000"],
  ["privileged: [a]", 4, "privileged: must be true or false or a text, but is a list"],
  ["ports: 80", 4, "ports: must be a list, but is the number 80"],
  [
    "ports:\n  - {target: 80, publish: 81}",
    5,
    "ports.0.publish: is not a key that Compose knows here",
  ],
  ["command: [sleep, 10]", 4, "command.1: must be a text, but is the number 10"],
  ["command: {a: b}", 4, "command: must be a text or a list, but is a map"],
  ["environment: 5", 4, "environment: must be a map or a list, but is the number 5"],
  ["environment:\n  - A: b", 5, "environment.0: must be a text, but is a map"],
  [
    "environment:\n  A: [b]",
    5,
    "environment.A: must be a text or a number or true or false, but is a list",
  ],
  ["depends_on:\n  db: {}", 5, "depends_on.db: needs the key condition"],
  [
    "depends_on:\n  db:\n    condition: healthy",
    6,
    "depends_on.db.condition: must be one of service_started, service_healthy, service_completed_successfully",
  ],
  [
    "volumes:\n  - type: bnd\n    target: /a",
    5,
    "volumes.0.type: must be one of bind, volume, tmpfs, cluster, npipe, image",
  ],
  ["volumes:\n  - target: /a", 5, "volumes.0: needs the key type"],
  ["cap_add: [A, B, A]", 4, "cap_add: items 0 and 2 are equal"],
  ["oom_score_adj: 5000", 4, "oom_score_adj: must be <= 1000"],
  ["networks:\n  lan: {aliases: a}", 5, "networks.lan.aliases: must be a list, but is a text"],
  ["healthcheck:\n  tset: a", 5, "healthcheck.tset: is not a key that Compose knows here"],
  ["imgae: a", 4, "imgae: is not a key that Compose knows here"],
  ["gpus: one", 4, "gpus: must be one of all"],
  ["secrets:\n  - {source: a, mod: 1}", 5, "secrets.0.mod: is not a key that Compose knows here"],
] as const) {
  test(`says of "${body.replaceAll("\n", " ")}" only what a person needs`, () => {
    const text = withService(`image: i\n${body}`);
    assert.equal(
      refusalText(text),
      `compose_invalid compose.yaml:${line}: services.web.${expected}`,
    );
  });
}

test("advises quotes where a number or boolean should be a text", () => {
  assert.equal(refusal(withService("image: i\nuser: 1000")).hint, 'Put it in quotes: "1000".');
});

for (const [text, expected] of [
  ["web:\n  image: i\n", "compose_invalid compose.yaml:1: web: is not a top-level key of Compose"],
  [
    "services:\n  web:\n",
    "compose_invalid compose.yaml:2: services.web: must be a map, but is empty",
  ],
  [
    "services:\n  we b: {image: i}\n",
    "compose_invalid compose.yaml:2: services.we b: is not a key that Compose knows here",
  ],
  ["services: [a]\n", "compose_invalid compose.yaml:1: services: must be a map, but is a list"],
  ["- a\n", "compose_invalid compose.yaml:1: must be a map, but is a list"],
  ["", "compose_invalid compose.yaml:1: must be a map, but is empty"],
  ["services: {}\n", "compose_invalid compose.yaml:1: services: the file defines no service"],
  ["volumes: {a: }\n", "compose_invalid compose.yaml:1: services: the file defines no service"],
] as const) {
  test(`refuses the file ${JSON.stringify(text)}`, () => assert.equal(refusalText(text), expected));
}

test("shows the first of several problems by line and counts the rest", () => {
  const text = withService("image: 5\nbuild: .\nports: {}\nunknown: 1");
  assert.equal(
    refusalText(text),
    "compose_invalid compose.yaml:3: services.web.image: must be a text, but is the number 5 (and 3 more in this file)",
  );
});

test("points through a merge key at the line that is wrong", () => {
  const text =
    "x-common: &common\n  restart: always\n  user: 7\nservices:\n  web:\n    <<: *common\n    image: i\n";
  assert.equal(refusal(text).where?.line, 3);
});
