// A backup of a store that works, spoilt in every way, and put back.
import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";
import { createBackups } from "#hub/backup/create.ts";
import { manifestName } from "#hub/backup/manifest.ts";
import { openBackup } from "#hub/backup/open.ts";
import { restoreBackup } from "#hub/backup/restore.ts";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { prepareOperator } from "#hub/operator.ts";
import { examineCopy } from "#hub/store/copy.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { systemClock as clock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("backup and restore");
const root = mkdtempSync(join(tmpdir(), "fleet-backup-test-"));
const data = join(root, "hub");
let store: Store;
let keyId: string;
const deviceName = (index: number): DeviceId => DeviceId.parse(`pi-${index}`);

test.before(async () => {
  keyId = (await loadSigningKey(data)).id;
  store = await openStore({ file: join(data, "hub.db") });
  await prepareOperator(data, store, clock.now());
  for (let index = 0; index < 20; index += 1) await enrol(index);
});
test.after(async () => {
  await store.close();
  rmSync(root, { recursive: true });
});

function enrol(index: number) {
  return store.enrol(deviceName(index), "0".repeat(64), { site: "north" }, clock.now());
}

function backups() {
  return createBackups({ store, directory: data, clock, version: "1.2.3" });
}

async function take(name: string, withKeys = true): Promise<string> {
  const file = join(root, name);
  const { content } = await backups().make({ withKeys });
  await writeFile(file, content);
  return file;
}

/** What a backup lay in goes a moment after its end. */
async function untilNothingIsLeft(): Promise<void> {
  while (readdirSync(data).some((name) => name.startsWith("backup.tmp-"))) await clock.sleep(10);
}

function scratch(): string {
  return mkdtempSync(join(root, "scratch-"));
}

test("holds all devices and both keys, and leaves nothing behind in the hub's directory", async () => {
  const before = readdirSync(data).toSorted();
  const file = await take("whole.tar.gz");
  const manifest = await openBackup(file, scratch());
  assert.equal(manifest.devices, 20);
  const names = manifest.files.map(({ name }) => name);
  assert.deepEqual(names, ["hub.db", "signing-key.pem", "operator.token"]);
  await untilNothingIsLeft();
  assert.deepEqual(readdirSync(data).toSorted(), before);
});

test("is of one instant while devices enrol", async () => {
  const writing = (async () => {
    for (let index = 100; index < 200; index += 1) await enrol(index);
  })();
  const [file] = await Promise.all([take("busy.tar.gz"), writing]);
  const place = scratch();
  const { devices } = await openBackup(file, place);
  const copy = await openStore({ file: join(place, "hub.db") });
  const { rows } = await copy.devices({ selector: [], sort: "id", order: "asc", limit: 500 });
  const sites = (await copy.siteCounts()).reduce((sum, site) => sum + site.devices, 0);
  await copy.close();
  assert.equal(rows.length, devices);
  // Each has its labels: no enrolment is in it by half.
  assert.equal(sites, devices);
});

test("makes one at a time", async () => {
  const same = backups();
  const first = await same.make({ withKeys: false });
  await assert.rejects(same.make({ withKeys: false }), { code: "state_conflict" });
  first.content.destroy();
  await new Promise((resolve) => first.content.once("close", resolve));
  await untilNothingIsLeft();
  (await same.make({ withKeys: false })).content.destroy();
  await untilNothingIsLeft();
});

test("one that could not begin does not stand in the way of the next", async () => {
  const directory = join(root, "not-there-yet");
  const late = createBackups({ store, directory, clock, version: "1.2.3" });
  await assert.rejects(late.make({ withKeys: false }), { code: "ENOENT" });
  mkdirSync(directory);
  (await late.make({ withKeys: false })).content.destroy();
});

test("a copy is examined while the hub goes on", async () => {
  const copy = join(scratch(), "hub.db");
  await store.backup(copy);
  const first = await Promise.race([
    examineCopy(copy).then(() => "examined"),
    new Promise((resolve) => setImmediate(resolve, "others had a turn")),
  ]);
  assert.equal(first, "others had a turn");
  assert.deepEqual(
    await examineCopy(join(root, "none.db")),
    "the database cannot be read (SQLITE_CANTOPEN)",
  );
});

test("sweeps up what a hub that was killed has left", async () => {
  const left = join(data, "backup.tmp-left");
  writeFileSync(left, "half");
  await backups().start();
  assert.equal(readdirSync(data).includes("backup.tmp-left"), false);
});

test("a token that may have been redeemed after the backup is none after the restoration", async () => {
  const now = clock.now();
  const device = deviceName(900);
  const token = { expiresAt: now + 3_600_000, device, createdAt: now };
  await store.addToken({ ...token, hash: "since" });
  const file = await take("tokens.tar.gz", false);
  assert.equal(await store.redeemToken("since", device, "the device's nonce", clock.now()), true);
  const directory = join(scratch(), "hub");
  await restoreBackup({ file, directory, clock });
  const restored = await openStore({ file: join(directory, "hub.db") });
  assert.equal(await restored.redeemToken("since", device, "a thief's nonce", clock.now()), false);
  await restored.addToken({ ...token, hash: "made after it" });
  assert.equal(await restored.redeemToken("made after it", device, "n", clock.now()), true);
  await restored.close();
});

test("refuses a file that is cut, changed, or none", async () => {
  const whole = readFileSync(await take("good.tar.gz"));
  const file = join(root, "bad.tar.gz");
  const spoilt: Record<string, Buffer> = {
    cut: whole.subarray(0, whole.length - 2000),
    changed: Buffer.from(whole.map((byte, at) => (at === 1000 ? byte ^ 0xff : byte))),
    empty: Buffer.alloc(0),
    another: Buffer.from("something else"),
  };
  for (const [how, bytes] of Object.entries(spoilt)) {
    writeFileSync(file, bytes);
    await assert.rejects(openBackup(file, scratch()), { code: "request_invalid" }, how);
  }
  await assert.rejects(openBackup(join(root, "none"), scratch()), { code: "not_found" });
});

/** The same backup with another manifest, packed as a hub packs it. */
async function withManifest(name: string, change: object): Promise<string> {
  const place = scratch();
  const manifest = await openBackup(await take(`before-${name}`), place);
  writeFileSync(join(place, manifestName), JSON.stringify({ ...manifest, ...change }));
  const names = [manifestName, ...manifest.files.map((one) => one.name)];
  const file = join(root, name);
  await create({ cwd: place, gzip: true, portable: true, file }, names);
  return file;
}

test("a backup of a later form or schema is refused by its version, and its directory stays empty", async () => {
  const later: [string, object, RegExp][] = [
    ["form.tar.gz", { version: 2, hubVersion: "9.8.7" }, /made by hub 9\.8\.7 in form 2 /],
    [
      "schema.tar.gz",
      { schema: 9999, hubVersion: "9.8.7" },
      /made by hub 9\.8\.7, with schema 9999/,
    ],
  ];
  for (const [name, change, message] of later) {
    const file = await withManifest(name, change);
    const directory = scratch();
    await assert.rejects(restoreBackup({ file, directory, clock }), (error: FleetError) => {
      assert.equal(error.code, "state_conflict");
      assert.match(error.message, message);
      assert.match(error.hint ?? "", /that version or a newer one/);
      return true;
    });
    assert.deepEqual(readdirSync(directory), []);
  }
});

test("a manifest that is none, or that its files do not fit, is refused", async () => {
  const wrong: Record<string, object> = {
    "none.tar.gz": { version: 0 },
    "text.tar.gz": { version: "1" },
    "bare.tar.gz": { files: [] },
    "other.tar.gz": { files: [{ name: "hub.db", bytes: 1, sha256: "0".repeat(64) }] },
    "way.tar.gz": { files: [{ name: "../hub.db", bytes: 1, sha256: "0".repeat(64) }] },
  };
  for (const [name, change] of Object.entries(wrong)) {
    const file = await withManifest(name, change);
    await assert.rejects(openBackup(file, scratch()), { code: "request_invalid" }, name);
  }
});

test("wherever a bit flips or the end is lost, it is refused, or says the very same", async () => {
  const whole = readFileSync(await take("sound.tar.gz"));
  const before = await openBackup(join(root, "sound.tar.gz"), scratch());
  const file = join(root, "flipped.tar.gz");
  let refused = 0;
  for (let share = 0; share < 12; share += 1) {
    const at = Math.floor((whole.length * share) / 12);
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (share % 8));
    for (const bytes of [flipped, whole.subarray(0, at)]) {
      writeFileSync(file, bytes);
      const place = scratch();
      const outcome = await openBackup(file, place).catch((error: FleetError) => error.code);
      // The first bytes of gzip hold a time and the name of a system, which nobody reads.
      if (outcome === "request_invalid") refused += 1;
      else assert.deepEqual(outcome, before, `at ${at} of ${whole.length}`);
      rmSync(place, { recursive: true });
    }
  }
  assert.equal(refused >= 22, true, `${refused} of 24`);
});

test("restores into an empty directory: the same devices and keys, readable by nobody else, paused", async () => {
  const file = await take("back.tar.gz");
  const directory = join(root, "restored");
  await restoreBackup({ file, directory, clock });
  const names = ["hub.db", "operator.token", "signing-key.pem"];
  assert.deepEqual(readdirSync(directory).toSorted(), names);
  for (const name of names) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
  assert.equal((await loadSigningKey(directory)).id, keyId);
  const copy = await openStore({ file: join(directory, "hub.db") });
  const [row, pause] = [await copy.device(deviceName(3)), await copy.pause()];
  await copy.close();
  assert.deepEqual(row?.labels, { site: "north" });
  assert.equal(pause?.cause, "restored");
});

test("touches nothing in a directory that holds anything", async () => {
  const file = await take("again.tar.gz");
  const before = readFileSync(join(data, "signing-key.pem"), "utf8");
  await assert.rejects(restoreBackup({ file, directory: data, clock }), { code: "state_conflict" });
  assert.equal(readFileSync(join(data, "signing-key.pem"), "utf8"), before);
});

test("a spoilt backup leaves the directory empty", async () => {
  const file = join(root, "spoilt.tar.gz");
  writeFileSync(file, "no backup");
  const directory = scratch();
  await assert.rejects(restoreBackup({ file, directory, clock }), { code: "request_invalid" });
  assert.deepEqual(readdirSync(directory), []);
});

test("without keys it holds none", async () => {
  const manifest = await openBackup(await take("bare.tar.gz", false), scratch());
  assert.deepEqual(
    manifest.files.map(({ name }) => name),
    ["hub.db"],
  );
});
