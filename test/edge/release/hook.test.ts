import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { runValidateHook } from "#edge/release/hook.ts";
import type { StagedRevision } from "#edge/release/port.ts";
import { revisionOf } from "#shared/desired.ts";
import type { FleetError } from "#shared/errors.ts";
import { RoleFile } from "#shared/role.ts";
import { suite } from "#test/suite.ts";
import { plainCompose, roleTar, scratch, specOf } from "./fixture.ts";

const test = suite("validate hook");

interface Bench {
  staged: StagedRevision;
  /** A directory beside the release. */
  outside: string;
}

/** @param script body of check.sh; undefined: the role names none */
async function bench(
  script: string | undefined,
  use: (bench: Bench) => Promise<void>,
  { name = "check.sh", mode = 0o755 } = {},
): Promise<void> {
  using root = scratch();
  const directory = join(root.path, "release");
  mkdirSync(directory);
  if (script !== undefined) {
    writeFileSync(join(directory, "check.sh"), `#!/bin/sh\n${script}\n`, { mode });
  }
  const spec = specOf(roleTar(), { values: { COUNT: "3", OUT: root.path } });
  const hooks = script === undefined ? {} : { validate: name };
  const role = RoleFile.parse({ apiVersion: "metrica.fleet/v1", kind: "Role", hooks });
  const staged: StagedRevision = {
    spec,
    revision: revisionOf(spec),
    directory,
    role,
    composeText: plainCompose,
    readText: () => undefined,
    contentHash: () => undefined,
  };
  await use({ staged, outside: root.path });
}

async function rejection(run: Promise<void>): Promise<FleetError> {
  return await run.then(
    () => assert.fail("it was accepted"),
    (error: FleetError) => error,
  );
}

test("a role without a script is fine", () =>
  bench(undefined, ({ staged }) => runValidateHook(staged)));

test("runs in the release with the values and PATH, and nothing else of the agent's environment", async () => {
  process.env["FLEET_SECRET_OF_THE_AGENT"] = "leaked";
  try {
    await bench('pwd > "$OUT/pwd"; env > "$OUT/env"', async ({ staged, outside }) => {
      await runValidateHook(staged);
      assert.equal(readFileSync(join(outside, "pwd"), "utf8").trim(), staged.directory);
      const env = readFileSync(join(outside, "env"), "utf8");
      assert.match(env, /^COUNT=3$/m);
      assert.match(env, /^PATH=.+$/m);
      assert.doesNotMatch(env, /leaked/);
    });
  } finally {
    delete process.env["FLEET_SECRET_OF_THE_AGENT"];
  }
});

test("a non-zero exit refuses the release with the script's last line", () =>
  bench("echo checking; echo COUNT must be even >&2; exit 3", async ({ staged }) => {
    const error = await rejection(runValidateHook(staged));
    assert.equal(error.code, "role_rejected");
    assert.equal(error.retry, "never");
    assert.equal(
      error.message,
      "the validate script check.sh ended with code 3: COUNT must be even",
    );
    assert.equal(error.where?.file, "roles/web/check.sh");
  }));

test("an endless flood of output is cut to its tail", () =>
  bench("yes flood | head -c 5000000; echo; echo the end; exit 1", async ({ staged }) => {
    const error = await rejection(runValidateHook(staged));
    assert.match(error.message, /ended with code 1: the end$/);
  }));

test("a script that does not end is ended with everything it started", () =>
  bench('(sleep 1; touch "$OUT/late") & sleep 60', async ({ staged, outside }) => {
    const started = performance.now();
    const error = await rejection(runValidateHook(staged, { timeoutMs: 200 }));
    assert.equal(error.code, "role_rejected");
    assert.match(error.message, /did not end within 0\.2 s/);
    assert.ok(performance.now() - started < 30_000);
    await wait(1300);
    assert.equal(existsSync(join(outside, "late")), false);
  }));

test("what a script leaves in the background ends with it and does not hold it up", () =>
  bench('(sleep 4; touch "$OUT/late") & exit 0', async ({ staged, outside }) => {
    const started = performance.now();
    await runValidateHook(staged);
    const leftMs = 4000 - (performance.now() - started);
    assert.ok(leftMs > 0, "it was waited for");
    await wait(leftMs + 300);
    assert.equal(existsSync(join(outside, "late")), false);
  }));

test("a descendant that left the group cannot hold it up by its output", () =>
  bench("setsid sleep 30 & exit 0", async ({ staged }) => {
    const started = performance.now();
    await runValidateHook(staged);
    assert.ok(performance.now() - started < 25_000);
  }));

test("stops when the caller does", () =>
  bench("sleep 60", async ({ staged }) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const error = await rejection(runValidateHook(staged, { signal: stop.signal }));
    assert.equal(error.code, "interrupted");
    assert.equal(error.retry, "later");
  }));

test("a script that is not in the release is refused", () =>
  bench(
    "exit 0",
    async ({ staged }) => {
      const error = await rejection(runValidateHook(staged));
      assert.match(error.message, /is not in the release$/);
    },
    { name: "../../../bin/true" },
  ));

test("a script that may not be executed is refused", () =>
  bench(
    "exit 0",
    async ({ staged }) => {
      const error = await rejection(runValidateHook(staged));
      assert.match(error.message, /could not start \(EACCES\)/);
    },
    { mode: 0o644 },
  ));
