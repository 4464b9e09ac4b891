import * as assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import fc from "fast-check";
import type { Journal } from "#edge/journal/port.ts";
import { shadowFile } from "#edge/journal/shadow.ts";
import { asFleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { copyInUse, flip } from "./damage.ts";
import { withScratch } from "./fixture.ts";
import { events, furnish, furnished, holdings, recover, sealed, shadowed } from "./recovery.ts";

const test = suite("journal files torn anywhere");

test("comes up from files copied and torn at any moment, with what was acknowledged before", () =>
  withScratch(async ({ file, directory }) => {
    const { journal } = await recover(file);
    furnish(journal);
    await shadowed(journal, file);
    const held = holdings(journal);
    copyInUse(file, `${file}.cut`);
    const walBytes = readFileSync(`${file}.cut-wal`);
    const cuts = fc.integer({ min: 0, max: walBytes.length });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (cut, isTurned) => {
        const place = mkdtempSync(`${directory}/torn-`);
        const torn = `${place}/${basename(file)}`;
        copyFileSync(`${file}.cut`, torn);
        copyFileSync(shadowFile(file), shadowFile(torn));
        const wal = Buffer.from(walBytes);
        writeFileSync(
          `${torn}-wal`,
          isTurned ? wal.fill(0xa5, cut, Math.min(cut + 4096, wal.length)) : wal.subarray(0, cut),
        );
        const back = await recover(torn);
        try {
          assert.deepEqual(holdings(back.journal), held);
          assert.equal(back.journal.volatile, undefined);
          back.journal.append({ kind: "event", body: {} });
        } finally {
          back.journal.close();
        }
      }),
      { numRuns: 25 },
    );
    journal.close();
  }));

/** Damage that the quick check leaves out shows at the first use; the next start rebuilds. */
async function usable(file: string): Promise<Journal> {
  const { journal } = await recover(file);
  try {
    use(journal);
    return journal;
  } catch (error) {
    assert.match(asFleetError(error).message, /is damaged|no journal has written/);
    journal.close();
    const rebuilt = await recover(file);
    // The first use may have come as far as that before it met the damage.
    use(rebuilt.journal, ["accepted", "same"]);
    return rebuilt.journal;
  }
}

function use(journal: Journal, taken = ["accepted"]): void {
  assert.equal(journal.volatile, undefined);
  const batch = journal.batch({ maxEntries: 1000, maxBytes: 2 ** 30 });
  assert.ok((batch?.entries.length ?? 0) > 0);
  assert.ok(journal.append({ kind: "event", body: {} }) > 0);
  const { desired, envelope } = sealed(8);
  assert.ok(taken.includes(journal.receive(desired, envelope)));
  assert.equal(journal.desired()?.generation, 8);
  journal.updates({ limit: 10 });
  events(journal, "JournalRebuilt");
  journal.prune();
}

test("comes up from a page turned over anywhere, with the same state or the signed one", () =>
  withScratch(async ({ file, directory }) => {
    const { held } = await furnished(file);
    const bytes = readFileSync(file);
    const shadow = readFileSync(shadowFile(file));
    const spots = fc.record({
      at: fc.integer({ min: 0, max: bytes.length - 1 }),
      length: fc.constantFrom(1, 16, 512, 4096),
    });
    await fc.assert(
      fc.asyncProperty(spots, async ({ at, length }) => {
        const place = mkdtempSync(`${directory}/turned-`);
        const turned = `${place}/${basename(file)}`;
        writeFileSync(turned, bytes);
        writeFileSync(shadowFile(turned), shadow);
        flip(turned, at, length);
        const journal = await usable(turned);
        if (events(journal, "JournalRebuilt").length > 0) {
          assert.deepEqual(
            { ...(holdings(journal) as object), desired: undefined },
            { ...(held as object), desired: undefined },
          );
        }
        journal.close();
      }),
      { numRuns: 40 },
    );
  }));
