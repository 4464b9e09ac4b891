import * as assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileCare, type FileCare } from "#edge/agent/file_care.ts";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  type BundleServer,
  roleTar,
  scratch,
  serveBundles,
  specOf,
  stageFrom,
  storeAt,
} from "#test/edge/release/fixture.ts";
import { suite } from "#test/suite.ts";
import { createFastClock, type FastClock } from "./clock.ts";

const test = suite("care for the files of releases");
const bundle = roleTar({ "conf.txt": "true", "data/seed.txt": "seed" });
const spec = specOf(bundle);
const envelope = { payloadType: "test", payload: "", signatures: [{ keyid: "k", sig: "" }] };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Bench {
  care: FileCare;
  journal: Journal;
  clock: FastClock;
  server: BundleServer;
  root: string;
  at: (path: string) => string;
  told: () => string[];
  repaired: () => number;
}

async function bench(use: (bench: Bench) => Promise<void>): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(bundle);
  const clock = createFastClock();
  const store = storeAt(directory.path, server.url, { clock });
  await stageFrom(store, spec);
  await store.swap(spec.name, revisionOf(spec));
  const journal = openJournal({ file: join(directory.path, "journal.db"), clock });
  const apps: AppSpec[] = [spec];
  const device = "pi-1" as DeviceId;
  journal.receive({ device, generation: 1, issuedAt: 1, mode: "run", apps }, envelope);
  let repaired = 0;
  const care = createFileCare({
    journal,
    releases: store,
    mayBeData: async (_, path) => path.startsWith("data/"),
    clock,
    random: () => 0.5,
    log,
    onRepaired: () => {
      repaired += 1;
    },
  });
  const told = (): string[] =>
    journal
      .entries({ kinds: ["drift.found", "drift.repaired", "event"], limit: 50 })
      .toReversed()
      .map(({ kind, body }) => `${kind}: ${String(body["message"])}`);
  const release = join(directory.path, "apps", spec.name, "releases", spec.release.digest);
  try {
    await use({
      ...{ care, journal, clock, server, told, root: directory.path },
      at: (path) => join(release, path),
      repaired: () => repaired,
    });
  } finally {
    await care.stop();
    journal.close();
  }
}

test("a changed file is found and restored in one round, and both are told once", () =>
  bench(async ({ care, at, told, repaired }) => {
    await care.round();
    assert.deepEqual(told(), []);
    writeFileSync(at("conf.txt"), "tampered");
    await care.round();
    await care.round();
    assert.equal(readFileSync(at("conf.txt"), "utf8"), "true");
    assert.deepEqual(told(), [
      "drift.found: web: conf.txt was changed",
      "drift.repaired: web: restored from the bundle: conf.txt was changed",
    ]);
    assert.equal(repaired(), 1);
  }));

test("an idle round looks, reads nothing and journals nothing", () =>
  bench(async ({ care, journal }) => {
    await care.round();
    const before = care.counts();
    const entries = journal.entries({ limit: 100 }).length;
    for (let round = 0; round < 10; round += 1) await care.round();
    assert.equal(care.counts().bytesRead, before.bytesRead);
    assert.equal(care.counts().looks, before.looks + 10 * 5);
    assert.equal(journal.entries({ limit: 100 }).length, entries);
  }));

test("someone who changes it again and again is not fought, but waited out ever longer", () =>
  bench(async ({ care, clock, at }) => {
    const repairedIn = async (ms: number): Promise<number> => {
      const before = care.counts().repairs;
      for (let spent = 0; spent < ms; spent += 1000) {
        writeFileSync(at("conf.txt"), `tampered at ${clock.monotonicMs()}`);
        await care.round();
        clock.advance(1000);
      }
      return care.counts().repairs - before;
    };
    const first = await repairedIn(60_000);
    const later = await repairedIn(600_000);
    assert.ok(first >= 2 && first <= 10, `${first} repairs in the first minute`);
    assert.ok(later <= 8, `${later} repairs in the ten minutes after it`);
    clock.advance(3_700_000);
    await care.round();
    assert.equal(readFileSync(at("conf.txt"), "utf8"), "true");
  }));

test("files that what runs may have made stay, and are told once", () =>
  bench(async ({ care, at, told }) => {
    await care.round();
    writeFileSync(at("data/rows.db"), "rows");
    writeFileSync(at("stranger"), "x");
    await care.round();
    await care.round();
    assert.equal(readFileSync(at("data/rows.db"), "utf8"), "rows");
    assert.equal(existsSync(at("stranger")), false);
    writeFileSync(at("data/rows.db"), "more rows");
    await care.round();
    assert.equal(told().filter((text) => text.includes("restored")).length, 1);
    assert.ok(told().length <= 3, told().join("\n"));
  }));

test("damage without bundle and hub is told with the reason, kept, and repaired when the hub is back", () =>
  bench(async ({ care, clock, server, root, at, told }) => {
    await care.round();
    rmSync(join(root, "bundles", `${spec.release.digest}.tar`));
    rmSync(at("conf.txt"));
    for (let round = 0; round < 3; round += 1) {
      server.next((request) => request.socket.destroy());
      await care.round();
      clock.advance(300_000);
    }
    assert.match(told()[0] ?? "", /^drift\.found: web: conf\.txt is missing$/);
    assert.match(
      told()[1] ?? "",
      /^event: web: conf\.txt is missing; cannot be restored yet: the connection broke/,
    );
    assert.equal(told().length, 2);
    await care.round();
    assert.equal(readFileSync(at("conf.txt"), "utf8"), "true");
    assert.match(told().at(-1) ?? "", /^drift\.repaired: web: restored from the bundle/);
  }));

test("a link that leads nowhere is mended before anything is planned", () =>
  bench(async ({ care, root, told }) => {
    const link = join(root, "apps", spec.name, "current");
    rmSync(join(root, "apps", spec.name, "previous"), { force: true });
    rmSync(join(link, "app.json"));
    await care.round();
    assert.equal(existsSync(join(link, "app.json")), true);
    assert.equal(told().length, 2);
    assert.match(told()[0] ?? "", /^drift\.found: web: the record of revision/);
    rmSync(link);
    symlinkSync("revisions/nowhere", link);
    await care.round();
    assert.equal(existsSync(link), false, "nothing says what it was");
  }));

test("everything is read at a pace", () =>
  bench(async ({ care, at }) => {
    await care.round();
    assert.deepEqual(await care.readAll(new AbortController().signal), []);
    assert.ok(care.counts().bytesRead > 0);
    writeFileSync(at("conf.txt"), "TRUE");
    assert.deepEqual(await care.readAll(new AbortController().signal), [
      "web: conf.txt was changed",
    ]);
    assert.equal(readFileSync(at("conf.txt"), "utf8"), "true");
  }));
