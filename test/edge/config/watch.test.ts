import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type ConfigChange, type ConfigWatch, watchConfig } from "#edge/config/watch.ts";
import { loadConfig } from "#edge/config.ts";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("configuration watch");
const text = (more: string): string => `device: pi-1\nhub: {url: http://hub:7080}\n${more}`;

interface Bench {
  directory: string;
  file: string;
  watch: ConfigWatch;
  changes: ConfigChange[];
  refusals: FleetError[];
  until: (count: { changes?: number; refusals?: number }) => Promise<void>;
}

async function bench(
  use: (bench: Bench) => Promise<void>,
  prepare: (file: string) => void = (file) => writeFileSync(file, text("")),
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-watch-"));
  const file = join(directory, "agent.yaml");
  prepare(file);
  const changes: ConfigChange[] = [];
  const refusals: FleetError[] = [];
  const watch = watchConfig({
    file,
    config: loadConfig(file),
    onChange: (change) => changes.push(change),
    onRefused: (error) => refusals.push(error),
    settleMs: 40,
  });
  const until: Bench["until"] = async (count) => {
    const deadline = performance.now() + 60_000;
    while (changes.length < (count.changes ?? 0) || refusals.length < (count.refusals ?? 0)) {
      assert.ok(
        performance.now() < deadline,
        `${changes.length} changes, ${refusals.length} refusals`,
      );
      await wait(10);
    }
  };
  watch.start();
  try {
    await use({ directory, file, watch, changes, refusals, until });
  } finally {
    watch.stop();
    watch.stop();
    rmSync(directory, { recursive: true });
  }
}

test("a written file takes effect without a restart", () =>
  bench(async ({ file, changes, until }) => {
    writeFileSync(file, text("interval: 5\nsite: north\n"));
    await until({ changes: 1 });
    assert.equal(changes[0]?.config.intervalMs, 5000);
    assert.deepEqual(changes[0]?.config.labels, { site: "north" });
    assert.deepEqual(changes[0]?.applied.toSorted(), ["intervalMs", "labels"]);
    assert.deepEqual(changes[0]?.needRestart, []);
  }));

test("an editor that renames another file over it is followed, again and again", () =>
  bench(async ({ directory, file, changes, until }) => {
    for (const interval of [5, 6, 7]) {
      const fresh = join(directory, ".agent.yaml.swp");
      writeFileSync(fresh, text(`interval: ${interval}\n`));
      renameSync(file, join(directory, "agent.yaml~"));
      renameSync(fresh, file);
      await until({ changes: interval - 4 });
      assert.equal(changes.at(-1)?.config.intervalMs, interval * 1000);
    }
  }));

test("a directory of links that is switched as a whole is followed", () =>
  bench(
    async ({ directory, changes, until }) => {
      mkdirSync(join(directory, "..v2"));
      writeFileSync(join(directory, "..v2", "agent.yaml"), text("interval: 9\n"));
      symlinkSync("..v2", join(directory, "..data.tmp"));
      renameSync(join(directory, "..data.tmp"), join(directory, "..data"));
      await until({ changes: 1 });
      assert.equal(changes[0]?.config.intervalMs, 9000);
    },
    (file) => {
      const directory = join(file, "..");
      mkdirSync(join(directory, "..v1"));
      writeFileSync(join(directory, "..v1", "agent.yaml"), text(""));
      symlinkSync("..v1", join(directory, "..data"));
      symlinkSync("..data/agent.yaml", file);
    },
  ));

test("a save in several writes is one change, and a half-written file no refusal", () =>
  bench(async ({ file, changes, refusals, until }) => {
    writeFileSync(file, "device: pi-1\nhub: {url");
    await wait(10);
    writeFileSync(file, text("interval: 5\n"));
    await until({ changes: 1 });
    await wait(150);
    assert.equal(changes.length, 1);
    assert.deepEqual(refusals, []);
  }));

test("a bad file is refused once with its line, and the old configuration stays", () =>
  bench(async ({ file, watch, changes, refusals, until }) => {
    writeFileSync(file, text("interval: often\n"));
    await until({ refusals: 1 });
    assert.match(
      refusals[0]?.sentence ?? "",
      /agent\.yaml:3: interval: must be a number, but is a text$/,
    );
    watch.reload();
    assert.deepEqual([refusals.length, changes.length], [1, 0]);
    writeFileSync(file, text("interval: 8\n"));
    await until({ changes: 1 });
    assert.equal(changes[0]?.config.intervalMs, 8000);
  }));

test("a file that is gone is refused, and its return is no change", () =>
  bench(async ({ file, changes, refusals, until }) => {
    rmSync(file);
    await until({ refusals: 1 });
    assert.match(refusals[0]?.sentence ?? "", /ENOENT/);
    writeFileSync(file, text(""));
    await wait(200);
    assert.deepEqual(changes, []);
  }));

test("a touch without a change changes nothing", () =>
  bench(async ({ file, watch, changes, refusals }) => {
    writeFileSync(file, `# a comment\n${text("")}`);
    watch.reload();
    await wait(150);
    assert.deepEqual([changes, refusals], [[], []]);
  }));

test("a field that needs a restart is named and keeps its value, and the others apply", () =>
  bench(async ({ file, changes, watch }) => {
    writeFileSync(file, text("page: {port: 9}\ninterval: 5\nlog: {level: debug}\n"));
    watch.reload();
    const [change] = changes;
    assert.deepEqual(change?.needRestart, ["page"]);
    assert.deepEqual(change?.applied, ["intervalMs", "log"]);
    assert.equal(change?.config.page.port, 7090);
    assert.equal(change?.config.intervalMs, 5000);
    writeFileSync(file, text("interval: 5\nlog: {level: debug}\n"));
    watch.reload();
    assert.deepEqual(changes[1]?.needRestart, []);
    assert.deepEqual(changes[1]?.applied, []);
  }));

test("nothing is read after stop", () =>
  bench(async ({ file, watch, changes }) => {
    writeFileSync(file, text("interval: 5\n"));
    watch.stop();
    await wait(150);
    assert.deepEqual(changes, []);
  }));
