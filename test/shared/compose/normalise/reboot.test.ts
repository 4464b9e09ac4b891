import * as assert from "node:assert/strict";
import { load } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("services after a reboot");

test("are warned of where nothing starts them again, with the place and what to write", () => {
  const { warnings } = load("services:\n  web:\n    image: i\n  db: {image: i}\n");
  const text =
    'is not set, so the service stays down after a reboot: write unless-stopped, or "no" where that is meant';
  assert.deepEqual(warnings, [
    `compose.yaml:2: services.web.restart: ${text}`,
    `compose.yaml:4: services.db.restart: ${text}`,
  ]);
});

for (const [what, service] of [
  ["restart", "restart: unless-stopped"],
  ["restart: no", 'restart: "no"'],
  ["deploy.restart_policy", "deploy: {restart_policy: {condition: none}}"],
] as const) {
  test(`are as the file wants them where it says ${what}`, () => {
    assert.deepEqual(load(`services:\n  web: {image: i, ${service}}\n`).warnings, []);
  });
}

test("may have ended where another one waits for that, or where no profile has them", () => {
  const { warnings } = load(
    [
      "services:",
      "  setup: {image: i}",
      "  tools: {image: i, profiles: [debug]}",
      "  web:",
      "    image: i",
      "    restart: always",
      "    depends_on: {setup: {condition: service_completed_successfully}}",
      "",
    ].join("\n"),
  );
  assert.deepEqual(warnings, []);
});
