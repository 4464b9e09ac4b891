import * as assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askApp, lockFile } from "#edge/release/hold.ts";
import type { StagedRevision } from "#edge/release/port.ts";
import { revisionOf } from "#shared/desired.ts";
import type { FleetError } from "#shared/errors.ts";
import { RoleFile } from "#shared/role.ts";
import { suite } from "#test/suite.ts";
import { plainCompose, roleTar, scratch, specOf } from "./fixture.ts";

const test = suite("asking an app whether it may be replaced");

/** @param script body of the pre-update hook; undefined: the role names none */
async function asking(
  script: string | undefined,
  use: (ask: () => Promise<FleetError | undefined>, lock: string) => Promise<void>,
): Promise<void> {
  using root = scratch();
  const directory = join(root.path, "release");
  const runDirectory = join(root.path, "run");
  mkdirSync(directory);
  if (script !== undefined) {
    writeFileSync(join(directory, "busy.sh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const spec = specOf(roleTar(), { values: { COUNT: "3" } });
  const hooks = script === undefined ? {} : { preUpdate: "busy.sh" };
  const staged: StagedRevision = {
    spec,
    revision: revisionOf(spec),
    directory,
    role: RoleFile.parse({ apiVersion: "metrica.fleet/v1", kind: "Role", hooks }),
    composeText: plainCompose,
    readText: () => undefined,
    contentHash: () => undefined,
  };
  const lock = lockFile(runDirectory, spec.name);
  mkdirSync(join(lock, ".."), { recursive: true });
  const { signal } = new AbortController();
  const ask = (): Promise<FleetError | undefined> =>
    askApp(staged, { runDirectory, signal }).then(
      () => undefined,
      (error: FleetError) => error,
    );
  await use(ask, lock);
}

test("an app that says nothing may be replaced", () =>
  asking(undefined, async (ask) => assert.equal(await ask(), undefined)));

test("its lock file holds it until it is gone", () =>
  asking(undefined, async (ask, lock) => {
    writeFileSync(lock, "");
    const error = await ask();
    assert.equal(error?.code, "update_held");
    assert.equal(error?.retry, "later");
    assert.ok(error?.message.includes(lock));
    rmSync(lock);
    assert.equal(await ask(), undefined);
  }));

test("its hook says busy with code 75, in the app's own values", () =>
  asking('[ "$COUNT" = 3 ] && exit 75', async (ask) => {
    const error = await ask();
    assert.equal(error?.code, "update_held");
    assert.match(error?.message ?? "", /busy\.sh says that the app is busy/);
  }));

test("a hook that fails otherwise holds too, with its last line", () =>
  asking("echo no printer; exit 3", async (ask) => {
    const error = await ask();
    assert.equal(error?.code, "update_held");
    assert.match(error?.message ?? "", /ended with code 3: no printer/);
  }));

test("a hook that passes lets it go", () =>
  asking("exit 0", async (ask) => assert.equal(await ask(), undefined)));
