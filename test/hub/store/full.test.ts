// The hub's store on a disk that fills up: nothing of a transaction stays, and the error says what to do.
import assert from "node:assert/strict";
import { join } from "node:path";
import { openStore } from "#hub/store/sqlite.ts";
import type { FleetError } from "#shared/errors.ts";
import { anEvent } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { onSmallDisk } from "#test/support/small_disk.ts";

const test = suite("store on a full disk");

test.real("mount", "names the full disk, keeps what was stored, and goes on with room", () =>
  onSmallDisk(async (disk, directory) => {
    const store = await openStore({ file: join(directory, "hub.db") });
    const told = (reason: string) => [{ ...anEvent(reason), message: "x".repeat(200_000) }];
    await store.addEvents(told("Before"));
    await disk.fill();
    const overfill = async (): Promise<never> => {
      for (;;) await store.addEvents(told("Meanwhile"));
    };
    await assert.rejects(overfill(), (error: FleetError) => {
      assert.equal(error.code, "store_unavailable");
      assert.equal((error.cause as { code?: string }).code, "SQLITE_FULL");
      assert.match(error.hint ?? "", /Free disk space/);
      return true;
    });
    const during = (await store.events({ limit: 500 })).rows;
    assert.equal(during.at(-1)?.reason, "Before");
    await disk.free();
    const [after] = await store.addEvents(told("After"));
    assert.equal(after?.id, during.length + 1, "no number was taken for what was not stored");
    await store.ping();
    await store.close();
  }),
);
