import * as assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { plainCompose, specOf, stageFrom, storeAt } from "./fixture.ts";
import { app, bench, bundle, look, none, revision, spec } from "./serving_bench.ts";

const test = suite("repair of a release");
test("nothing is loaded from files that are known to be damaged, and then again", () =>
  bench(async ({ store, at }) => {
    const hash = (await store.load(app, revision)).contentHash("conf");
    writeFileSync(at("conf/a.txt"), "tampered");
    const found = await store.verifyFiles(app, look);
    await assert.rejects(store.load(app, revision), { code: "release_damaged", retry: "later" });
    await store.repairFiles(app, found?.findings ?? [], none);
    assert.equal((await store.load(app, revision)).contentHash("conf"), hash);
  }));

test("a tampered compose.yaml is not served by a process that starts over it", () =>
  bench(async ({ root, server, at }) => {
    const evil = plainCompose.replace("web:1", "web:2");
    writeFileSync(at("compose.yaml"), evil);
    const later = storeAt(root, server.url);
    await assert.rejects(later.load(app, revision), { code: "release_damaged" });
    const found = await later.verifyFiles(app, look);
    await later.repairFiles(app, found?.findings ?? [], none);
    assert.equal((await later.load(app, revision)).composeText, plainCompose);
  }));

test("what runs may have made files of its own: they stay when it is said so", () =>
  bench(async ({ store, at }) => {
    writeFileSync(at("conf/data.db"), "rows");
    writeFileSync(at("stranger"), "");
    const found = await store.verifyFiles(app, look);
    assert.equal(found?.findings.length, 2);
    await store.repairFiles(app, found?.findings ?? [], { keeps: (path) => path.endsWith(".db") });
    assert.equal(readFileSync(at("conf/data.db"), "utf8"), "rows");
    assert.equal(existsSync(at("stranger")), false);
    assert.notEqual(await store.load(app, revision), undefined);
  }));

test("whoever holds a file open, as a mounted file is, sees the true text again", () =>
  bench(async ({ store, at }) => {
    await store.verifyFiles(app, look);
    const held = openSync(at("conf/a.txt"), "r");
    try {
      writeFileSync(at("conf/a.txt"), "overwritten in place");
      const found = await store.verifyFiles(app, look);
      await store.repairFiles(app, found?.findings ?? [], none);
      const buffer = Buffer.alloc(100);
      assert.equal(buffer.toString("utf8", 0, readSync(held, buffer, 0, 100, 0)), "alpha");
    } finally {
      closeSync(held);
    }
  }));

test("a bundle that is gone or damaged is downloaded again", () =>
  bench(async ({ root, store, server, at }) => {
    const kept = join(root, "bundles", `${spec.release.digest}.tar`);
    for (const spoil of [() => rmSync(kept), () => writeFileSync(kept, bundle.toString("hex"))]) {
      spoil();
      rmSync(at("conf/a.txt"));
      const asked = server.requests.length;
      const found = await store.verifyFiles(app, look);
      await store.repairFiles(app, found?.findings ?? [], none);
      assert.equal(server.requests.length, asked + 1);
      assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "alpha");
    }
  }));

test("without a bundle and without the hub the damage stays as it is, and is repaired later", () =>
  bench(async ({ root, store, server, at }) => {
    rmSync(join(root, "bundles", `${spec.release.digest}.tar`));
    writeFileSync(at("conf/a.txt"), "tampered");
    const found = await store.verifyFiles(app, look);
    server.next((request) => request.socket.destroy());
    const repair = (): Promise<void> => store.repairFiles(app, found?.findings ?? [], none);
    await assert.rejects(repair(), { code: "bundle_unreachable", retry: "later" });
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "tampered");
    await repair();
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "alpha");
  }));

test("a manifest that rots is made again from the bundle, and never believed", () =>
  bench(async ({ root, server, at }) => {
    const file = join(root, "apps", app, "records", `release-${spec.release.digest}.json`);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/"mode":\d+/, '"mode":511'));
    const later = storeAt(root, server.url);
    assert.deepEqual((await later.verifyFiles(app, look))?.findings, []);
    assert.equal(readFileSync(file, "utf8"), text);
    rmSync(file);
    rmSync(join(root, "bundles", `${spec.release.digest}.tar`));
    writeFileSync(at("conf/a.txt"), "tampered");
    const last = storeAt(root, server.url);
    await assert.rejects(last.verifyFiles(app, look), { code: "release_damaged" });
    await last.repairFiles(app, [{ path: ".", fault: "unreadable" }], none);
    assert.match((await last.verifyFiles(app, look))?.text ?? "", /a\.txt was changed/);
  }));

test("a release that was damaged before it is staged again is repaired by the staging", () =>
  bench(async ({ store, at }) => {
    writeFileSync(at("conf/a.txt"), "tampered");
    await store.stage(spec);
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "alpha");
  }));

test("a bundle that rotted on the disk is fetched again and refuses no release", () =>
  bench(async ({ root, store }) => {
    const other = specOf(bundle, { name: "other" });
    await stageFrom(store, other);
    await store.removeApp(other.name);
    const kept = join(root, "bundles", `${spec.release.digest}.tar`);
    for (const rotten of [bundle.subarray(0, 900), Buffer.concat([bundle, Buffer.alloc(512, 1)])]) {
      writeFileSync(kept, rotten);
      await assert.rejects(store.stage(other), { code: "bundle_corrupt", retry: "later" });
      assert.equal(existsSync(kept), false);
      await stageFrom(store, other);
      await store.removeApp(other.name);
    }
  }));
