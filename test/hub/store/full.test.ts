// The hub's store on a disk that fills up: nothing of a transaction stays, and the error says what to do.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "#hub/store/sqlite.ts";
import { mountDisk } from "#scripts/faults/mounts.ts";
import type { FleetError } from "#shared/errors.ts";
import { anEvent } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("store on a full disk");

test.real(
  "mount",
  "names the full disk, keeps what was stored, and goes on with room",
  async () => {
    const scratch = await mkdtemp(join(tmpdir(), "fleet-store-full-"));
    const directory = join(scratch, "data");
    const disk = await mountDisk({
      ...{ scratch: join(scratch, "ram"), directory },
      shape: { megabytes: 16 },
    });
    try {
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
    } finally {
      await disk.release();
      await rm(scratch, { recursive: true });
    }
  },
);
