// A backup on a disk that has no room for it: said as such, and possible again once there is some.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createBackups } from "#hub/backup/create.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { onSmallDisk } from "#test/support/small_disk.ts";

const test = suite("backup on a full disk");

test.real("mount", "says that there is no room, and leaves room for the next one", () =>
  onSmallDisk(async (disk, directory) => {
    const store = await openStore({ file: join(directory, "hub.db") });
    const backups = createBackups({ store, directory, clock, version: "1.2.3" });
    await disk.fill();
    for (const _again of [1, 2]) {
      const made = backups.make({ withKeys: false });
      await assert.rejects(made, { code: "store_unavailable", hint: /^Free disk space/ });
    }
    await disk.free();
    const { content } = await backups.make({ withKeys: false });
    for await (const _chunk of content);
    // What it lay in goes a moment after its end.
    while ((await readdir(directory)).some((name) => name.startsWith("backup.tmp-")))
      await sleep(10);
    await store.close();
  }),
);
