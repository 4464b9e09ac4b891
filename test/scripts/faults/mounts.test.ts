// A disk for one device: what is lost when its power goes, how it fails, and that nothing of it stays.
import * as assert from "node:assert/strict";
import { appendFile, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "#scripts/faults/mounts.ts";
import { createRandom } from "#scripts/faults/random.ts";
import { suite } from "#test/suite.ts";
import { onSmallDisk } from "#test/support/small_disk.ts";

const test = suite("a disk of a device under fault");

function onDisk(body: (disk: Disk, path: (name: string) => string) => Promise<void>) {
  return (): Promise<void> =>
    onSmallDisk((disk, directory) => body(disk, (name) => join(directory, name)));
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, "w");
  await handle.writeFile(text);
  await handle.sync();
  await handle.close();
}

test.real(
  "mount",
  "a power cut keeps what was synced and loses what was not",
  onDisk(async (disk, path) => {
    await writeSynced(path("synced"), "kept");
    const directory = await open(disk.directory);
    await directory.sync();
    await directory.close();
    await writeFile(path("unsynced"), "lost");
    const image = await disk.snapshot();
    assert.deepEqual(await disk.lose(image), { files: 1, bytes: 4, tornSectors: 0 });
    await disk.boot(image);
    assert.equal(await readFile(path("synced"), "utf8"), "kept");
    await assert.rejects(stat(path("unsynced")), { code: "ENOENT" });
  }),
);

test.real(
  "mount",
  "torn writes leave some sectors of a file old and some new, and never a third content",
  onDisk(async (disk, path) => {
    const [before, after] = ["a", "b"].map((letter) => letter.repeat(512 * 64));
    await writeSynced(path("file"), before ?? "");
    const handle = await open(path("file"), "r+");
    await handle.write(after ?? "", 0);
    await handle.close();
    const image = await disk.snapshot();
    const { tornSectors: torn } = await disk.lose(image, createRandom(1));
    await disk.boot(image);
    const text = await readFile(path("file"), "utf8");
    const sectors = text.match(/.{512}/g) ?? [];
    assert.ok(sectors.every((one) => /^(a+|b+)$/.test(one)));
    assert.equal(sectors.filter((one) => one.startsWith("b")).length, torn);
    assert.ok(torn > 0 && torn < 64);
  }),
);

test.real(
  "mount",
  "a full disk takes nothing until it is freed",
  onDisk(async (disk, path) => {
    await disk.fill();
    await assert.rejects(writeSynced(path("more"), "x".repeat(100_000)), { code: "ENOSPC" });
    assert.ok((await disk.freeBytes()) < 65_536);
    await disk.free();
    await writeSynced(path("more"), "x".repeat(100_000));
  }),
);

test.real(
  "mount",
  "a failed file system is read-only at once, for files that are open too, until the next boot",
  onDisk(async (disk, path) => {
    await writeFile(path("open"), "");
    const handle = await open(path("open"), "a");
    await handle.sync();
    await disk.fail();
    await assert.rejects(writeFile(path("another"), "text"), { code: "EROFS" });
    await assert.rejects(
      handle.appendFile("text").then(() => handle.sync()),
      { code: /EROFS|EIO/ },
    );
    await handle.close();
    await disk.boot();
    await appendFile(path("open"), "text");
  }),
);
