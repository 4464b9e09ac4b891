import * as assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Journal } from "#edge/journal/port.ts";
import { systemClock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { acknowledge } from "./fixture.ts";
import { withMount } from "./mount.ts";
import { furnish, furnished, holdings, onlyEvent, recover, sealed, shadowed } from "./recovery.ts";

const test = suite("journal on a full or read-only disk");

/** Takes all that is left of the file system. */
function fill(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  for (const bytes of [bavail * bsize - 3 * bsize, bsize, bsize, bsize]) {
    try {
      writeFileSync(join(directory, "hog"), Buffer.alloc(Math.max(0, bytes)), { flag: "a" });
    } catch {
      return;
    }
  }
}

function thrownBy(call: () => unknown): FleetError {
  try {
    call();
  } catch (error) {
    return asFleetError(error);
  }
  throw new Error("nothing was thrown");
}

/** @returns how many entries went in, and why no more did */
function appendUntilRefused(journal: Journal): { taken: number; error: FleetError } {
  for (let taken = 0; ; taken++) {
    try {
      journal.append({ kind: "health.sampled", body: { text: "x".repeat(1000) } });
    } catch (error) {
      return { taken, error: asFleetError(error) };
    }
    if (taken > 20_000) throw new Error("the disk never fills");
  }
}

test.real(
  "mount",
  "goes on for a while on a full disk, in the room that it has, and then says later",
  () =>
    withMount(4096, async ({ directory }) => {
      const { journal } = await recover(join(directory, "journal.db"));
      furnish(journal);
      for (let i = 0; i < 200; i++) journal.append({ kind: "health.sampled", body: { i } });
      acknowledge(journal);
      fill(directory);
      const { taken, error } = appendUntilRefused(journal);
      assert.ok(taken > 50, `only ${taken} entries went in`);
      assert.deepEqual([error.code, error.retry], ["journal_unusable", "later"]);
      assert.match(error.message, /disk is full/);
      assert.equal(journal.desired()?.generation, 7, "reading goes on");
      rmSync(join(directory, "hog"));
      assert.ok(journal.append({ kind: "event", body: {} }) > taken);
      assert.equal(await journal.integrity(), undefined);
      journal.close();
    }),
);

test.real(
  "mount",
  "asks for the reserve when nothing else gives room, and the write goes through",
  () =>
    withMount(4096, async ({ directory }) => {
      const ballast = join(directory, "ballast");
      writeFileSync(ballast, Buffer.alloc(512 * 1024));
      let asked = 0;
      const onFull = (): boolean => {
        asked += 1;
        const isThere = existsSync(ballast);
        rmSync(ballast, { force: true });
        return isThere;
      };
      const { journal } = await recover(join(directory, "journal.db"), { onFull });
      furnish(journal);
      fill(directory);
      const { taken } = appendUntilRefused(journal);
      assert.ok(!existsSync(ballast));
      assert.equal(asked, 2, "once when there was a reserve, once when there was none");
      assert.ok(taken > 100);
      journal.close();
    }),
);

test.real("mount", "removes damaged journals that were set aside before it gives up", () =>
  withMount(4096, async ({ directory }) => {
    const file = join(directory, "journal.db");
    writeFileSync(file, Buffer.alloc(600 * 1024, 1));
    const { journal } = await recover(file, { limits: { maxBytes: 1024 * 1024 } });
    assert.ok(existsSync(`${file}.damaged-1`));
    fill(directory);
    appendUntilRefused(journal);
    assert.ok(!existsSync(`${file}.damaged-1`));
    journal.close();
  }),
);

test.real("mount", "keeps no damaged journal that would leave the new one without room", () =>
  withMount(2048, async ({ directory }) => {
    const file = join(directory, "journal.db");
    writeFileSync(file, Buffer.alloc(1200 * 1024, 1));
    const { journal } = await recover(file, { limits: { maxBytes: 1024 * 1024 } });
    assert.ok(!existsSync(`${file}.damaged-1`));
    assert.equal(journal.volatile, undefined);
    journal.close();
  }),
);

test.real(
  "mount",
  "starts in memory on a full disk that gives no room, with what its shadow kept",
  () =>
    withMount(4096, async ({ directory }) => {
      const file = join(directory, "journal.db");
      const { held } = await furnished(file);
      rmSync(file);
      fill(directory);
      const { journal, warnings } = await recover(file, { onFull: () => false });
      assert.equal(journal.volatile?.code, "journal_unusable");
      assert.deepEqual(holdings(journal), held);
      assert.match(onlyEvent(journal, "JournalVolatile"), /disk is full.+generation 7/);
      assert.equal(warnings.length, 1);
      journal.append({ kind: "event", body: {} });
      assert.equal(await journal.integrity(), undefined);
      journal.close();
    }),
);

test.real(
  "mount",
  "starts in memory on a read-only disk, and leaves it and its epoch for later",
  () =>
    withMount(4096, async ({ directory, readOnly }) => {
      const file = join(directory, "journal.db");
      const { journal: before } = await recover(file);
      furnish(before);
      await shadowed(before, file);
      const held = holdings(before);
      const { epoch } = before;
      before.close();
      readOnly();
      const { journal } = await recover(file);
      assert.match(journal.volatile?.message ?? "", /EROFS/);
      assert.notEqual(journal.epoch, epoch);
      assert.deepEqual(holdings(journal), held);
      journal.remember("honouredRetry", 9);
      assert.equal(journal.recall("honouredRetry"), 9);
      const { desired, envelope } = sealed(8);
      const refused = thrownBy(() => journal.receive(desired, envelope));
      assert.deepEqual(
        [refused.code, refused.retry],
        ["journal_unusable", journal.volatile?.retry],
      );
      assert.equal(journal.desired()?.generation, 7, "what is not kept was not seen");
      journal.close();
    }),
);

test.real("mount", "tells once that the disk takes the journal again", () =>
  withMount(4096, async ({ directory }) => {
    const file = join(directory, "journal.db");
    fill(directory);
    let looks = 0;
    const { promise: back, resolve } = Promise.withResolvers<number>();
    const clock = {
      ...systemClock,
      sleep: async () => {
        looks += 1;
        if (looks === 3) rmSync(join(directory, "hog"));
        await systemClock.sleep(1);
      },
    };
    const { journal } = await recover(file, {
      clock,
      onFull: () => false,
      onBack: () => resolve(looks),
    });
    assert.ok(journal.volatile);
    assert.equal(await back, 3);
    journal.close();
    const { journal: next } = await recover(file);
    assert.equal(next.volatile, undefined);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes("probe")),
      [],
    );
    next.close();
  }),
);
