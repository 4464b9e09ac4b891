import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "#test/suite.ts";

const test = suite("dependency rules");
const root = join(import.meta.dirname, "..");

let scratch = "";

test.before(() => {
  scratch = mkdtempSync(join(tmpdir(), "fleet-lint-"));
  cpSync(join(root, "biome.json"), join(scratch, "biome.json"));
});
test.after(() => rmSync(scratch, { recursive: true, force: true }));

/** What the linter says of a file that stands at this path, in a tree with the project's rules. */
function lint(path: string, source: string): string {
  const file = join(scratch, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
  const command = join(root, "node_modules/.bin/biome");
  const args = ["lint", "--colors=off", "--vcs-enabled=false", path];
  const { stdout, stderr } = spawnSync(command, args, { cwd: scratch, encoding: "utf8" });
  return stdout + stderr;
}

for (const [path, specifier] of [
  ["shared/planted.ts", "#edge/config.ts"],
  ["shared/planted.ts", "#hub/config.ts"],
  ["shared/compose/planted.ts", "node:fs"],
  ["edge/sync/planted.ts", "#hub/config.ts"],
  ["edge/sync/planted.ts", "mqtt"],
  ["edge/sync/planted.ts", "../journal/open.ts"],
  ["edge/plan/planted.ts", "node:timers/promises"],
  ["edge/agent/planted.ts", "better-sqlite3"],
  ["edge/runtime/docker/planted.ts", "dockerode"],
  ["edge/observe/planted.ts", "systeminformation"],
  ["hub/api/planted.ts", "#edge/config.ts"],
  ["hub/api/planted.ts", "kysely"],
  ["hub/ingest/planted.ts", "aedes"],
  ["hub/desired/compute/planted.ts", "node:crypto"],
  ["scripts/planted.ts", "#test/suite.ts"],
] as const) {
  test(`${path} may not import ${specifier}`, () => {
    const said = lint(
      path,
      `import * as planted from "${specifier}";\nexport const p = planted;\n`,
    );
    assert.match(said, /noRestrictedImports/);
  });
}

for (const [path, specifier] of [
  ["shared/planted.ts", "node:crypto"],
  ["edge/sync/mqtt.ts", "mqtt"],
  ["edge/plan/planted.ts", "#shared/status.ts"],
  ["hub/store/planted.ts", "kysely"],
] as const) {
  test(`${path} may import ${specifier}`, () => {
    const said = lint(
      path,
      `import * as planted from "${specifier}";\nexport const p = planted;\n`,
    );
    assert.doesNotMatch(said, /noRestrictedImports/);
  });
}
