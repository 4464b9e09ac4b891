// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "#test/suite.ts";

const test = suite("corpus script");
const root = join(import.meta.dirname, "../../..");
const shelf = mkdtempSync(join(tmpdir(), "fleet-corpus-"));

test.before(() => {
  mkdirSync(join(shelf, "deep"));
  writeFileSync(
    join(shelf, "good.yaml"),
    "services: {web: {image: 'web:${TAG}', env_file: a.env, restart: always}}\n",
  );
  writeFileSync(join(shelf, "a.env"), "A=1\n");
  writeFileSync(join(shelf, "deep/built.yml"), "services:\n  web:\n    build: .\n");
  writeFileSync(
    join(shelf, "demands.yml"),
    "services:\n  web:\n    image: ${IMAGE:?which one}\n    restart: always\n",
  );
  writeFileSync(join(shelf, "notes.txt"), "no yaml\n");
});
test.after(() => rmSync(shelf, { recursive: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/corpus.ts"), ...args],
    {
      encoding: "utf8",
      timeout: 120_000,
    },
  );
  return { status, stdout, stderr };
}

interface Report {
  files: number;
  loaded: number;
  refused: number;
  results: {
    file: string;
    ok: boolean;
    code?: string;
    key?: string;
    line?: number;
    message?: string;
    warnings: string[];
  }[];
}

test("prints for each file whether it loads, and else where and why not", () => {
  const { status, stdout } = run(shelf, "--set", "TAG=2");
  assert.equal(status, 0);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "refused deep/built.yml:3: services.web.build: is not supported: a device does not build images",
    "refused demands.yml:3: services.web.image: IMAGE is not set: which one",
    "ok      good.yaml",
    "3 files: 1 loaded, 2 refused",
  ]);
});

test("prints one JSON object that a program can read", () => {
  const { status, stdout } = run(shelf, "--json", "--set", "IMAGE=web:1");
  assert.equal(status, 0);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual([report.files, report.loaded, report.refused], [3, 2, 1]);
  assert.deepEqual(report.results[0], {
    file: "deep/built.yml",
    ok: false,
    code: "compose_unsupported",
    key: "services.web.build",
    line: 3,
    message: "is not supported: a device does not build images",
    warnings: [],
  });
  assert.equal(report.results[2]?.warnings.length, 1);
});

for (const [what, args] of [
  ["a directory that is not there", [join(shelf, "nowhere")]],
  ["a file for a directory", [join(shelf, "good.yaml")]],
  ["no directory", []],
  ["two directories", [shelf, shelf]],
  ["an unknown option", [shelf, "--yaml"]],
  ["a value without a name", [shelf, "--set", "=x"]],
] as const) {
  test(`ends with 2 and a sentence for ${what}`, () => {
    const { status, stdout, stderr } = run(...args);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^\S.*\n/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

const corpus = join(root, "../shared/corpus/awesome-compose");
if (existsSync(corpus)) {
  test("loads every real file without build and names key and line of each refusal", () => {
    const report = JSON.parse(run(corpus, "--json").stdout) as Report;
    const built = (file: string) => /^\s*build:/m.test(readFileSync(join(corpus, file), "utf8"));
    assert.ok(report.files > 0);
    assert.deepEqual(
      report.results.filter(({ ok, file }) => ok === built(file)),
      [],
    );
    const refused = report.results.filter(({ ok }) => !ok);
    assert.deepEqual(
      refused.filter(({ key, line }) => key === undefined || line === undefined),
      [],
    );
  });
}
