import * as assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import Database from "better-sqlite3";
import { migrations } from "#edge/journal/migrations.ts";
import { readShadow, shadowFile } from "#edge/journal/shadow.ts";
import { suite } from "#test/suite.ts";
import { copyInUse, flip, truncateTo } from "./damage.ts";
import { acknowledge, withScratch } from "./fixture.ts";
import { furnish, furnished, holdings, onlyEvent, recover, sealed, shadowed } from "./recovery.ts";

const test = suite("journal recovery");

const damages: Record<string, (file: string) => void> = {
  "cut in half": (file) => truncateTo(file, 0.5),
  "cut within a page": (file) => truncateSync(file, 4096 * 3 + 100),
  "garbage from the first byte on": (file) => writeFileSync(file, "no database".repeat(9000)),
  "garbage shorter than a header": (file) => writeFileSync(file, "no"),
  "turned over in its first page": (file) => flip(file, 0, 4096),
  "turned over in a page of its middle": (file) => flip(file, 4096 * 12, 4096),
  "another program's database": (file) => {
    rmSync(file);
    const other = new Database(file);
    other.exec("CREATE TABLE journal (a); CREATE TABLE entries (b)");
    other.close();
  },
  "the same tables under another version": (file) => {
    const own = new Database(file);
    own.pragma("user_version = 1");
    own.close();
  },
  "the work of a newer agent": (file) => {
    const own = new Database(file);
    own.pragma(`user_version = ${migrations.length + 1}`);
    own.close();
  },
  "unreadable in the row that matters": (file) => {
    const own = new Database(file);
    own.exec("UPDATE desired_states SET content = '{\"device'");
    own.close();
  },
};

for (const [kind, damage] of Object.entries(damages)) {
  test(`rebuilds a journal that is ${kind}, and keeps the bad one`, () =>
    withScratch(async ({ file, directory }) => {
      const { epoch, held } = await furnished(file);
      damage(file);
      const before = readFileSync(file);
      const { journal, warnings } = await recover(file);
      assert.deepEqual(holdings(journal), held);
      assert.notEqual(journal.epoch, epoch);
      const message = onlyEvent(journal, "JournalRebuilt");
      assert.match(message, /damaged \(.+\) and is kept as journal\.sqlite\.damaged-1/);
      assert.match(message, /generation 7, 1 quarantined revision, 1 open attempt/);
      assert.deepEqual(warnings, [message]);
      assert.ok(readFileSync(`${file}.damaged-1`).equals(before), "the bad file was changed");
      const rebuilt = journal.epoch;
      journal.close();
      const again = await recover(file);
      assert.equal(again.journal.epoch, rebuilt);
      assert.deepEqual(again.warnings, []);
      again.journal.close();
      assert.ok(!readdirSync(directory).includes("journal.sqlite.damaged-2"));
    }));
}

for (const [how, lose] of Object.entries({ removed: rmSync, emptied: truncateSync })) {
  test(`rebuilds a journal that was ${how}`, () =>
    withScratch(async ({ file }) => {
      const { held } = await furnished(file);
      lose(file);
      const { journal } = await recover(file);
      assert.deepEqual(holdings(journal), held);
      assert.match(onlyEvent(journal, "JournalRebuilt"), /was lost.+generation 7/);
      journal.close();
    }));
}

test("takes up a first start without a word, and a sound file as it is", () =>
  withScratch(async ({ file }) => {
    const first = await recover(file);
    assert.deepEqual(first.journal.entries({ limit: 5 }), []);
    furnish(first.journal);
    const { epoch } = first.journal;
    first.journal.close();
    const { journal, warnings } = await recover(file);
    assert.equal(journal.epoch, epoch);
    assert.deepEqual(warnings, []);
    journal.close();
  }));

test("begins empty without a shadow, or with one that is damaged, and says so", () =>
  withScratch(async ({ file }) => {
    const spoil = { gone: rmSync, damaged: (shadow: string) => flip(shadow, 40, 3) };
    for (const [how, act] of Object.entries(spoil)) {
      await furnished(file);
      act(shadowFile(file));
      writeFileSync(file, "x".repeat(5000));
      const { journal } = await recover(file);
      assert.equal(journal.desired(), undefined);
      const why = { gone: /nothing was kept beside it/, damaged: /state\.json is damaged/ }[how];
      assert.match(onlyEvent(journal, "JournalRebuilt"), why ?? /never/);
      journal.close();
    }
  }));

test("takes no desired state from a shadow whose signature does not hold", () =>
  withScratch(async ({ file }) => {
    await furnished(file);
    rmSync(file);
    const forged = () => {
      throw new Error("no signature holds");
    };
    const { journal } = await recover(file, { verify: forged });
    assert.equal(journal.desired(), undefined);
    assert.equal(journal.quarantined().length, 1);
    assert.match(onlyEvent(journal, "JournalRebuilt"), /no desired state \(no signature holds\)/);
    journal.close();
  }));

test("keeps the two newest of the files set aside", () =>
  withScratch(async ({ file, directory }) => {
    for (let round = 1; round <= 4; round++) {
      writeFileSync(file, `garbage ${round}`.repeat(500));
      (await recover(file)).journal.close();
    }
    const kept = readdirSync(directory).filter((name) => name.includes(".damaged-"));
    assert.deepEqual(kept.sort(), ["journal.sqlite.damaged-3", "journal.sqlite.damaged-4"]);
    assert.match(readFileSync(`${file}.damaged-4`, "utf8"), /^garbage 4/);
  }));

test("finds entries lost with the -wal, takes the newer state and starts a new epoch in place", () =>
  withScratch(async ({ file }) => {
    const { epoch } = await furnished(file);
    const { journal } = await recover(file);
    acknowledge(journal, 300);
    const whole = journal.entries({ limit: 1000 });
    copyInUse(file, `${file}.copy`);
    const { desired, envelope } = sealed(8);
    for (let i = 0; i < 20; i++) journal.append({ kind: "event", body: { i } });
    journal.receive(desired, envelope);
    journal.remember("honouredRetry", 4);
    await shadowed(journal, file);
    journal.close();
    rmSync(file);
    copyInUse(`${file}.copy`, file);
    const back = await recover(file);
    assert.notEqual(back.journal.epoch, epoch);
    assert.equal(back.journal.desired()?.generation, 8);
    assert.equal(back.journal.recall("honouredRetry"), 4);
    assert.match(onlyEvent(back.journal, "JournalRolledBack"), /lost its entries from \d+ to \d+/);
    const batch = back.journal.batch({ maxEntries: 1000, maxBytes: 2 ** 30 });
    assert.equal(batch?.from, 1);
    assert.deepEqual(
      batch?.entries.slice(0, whole.length - 300).map(({ seq }) => seq),
      whole
        .map(({ seq }) => seq)
        .toReversed()
        .slice(300),
    );
    back.journal.close();
  }));

test("sets a -wal aside whose main file is gone", () =>
  withScratch(async ({ file, directory }) => {
    const { held } = await furnished(file);
    const { journal } = await recover(file);
    for (let i = 0; i < 20; i++) journal.append({ kind: "event", body: { i } });
    copyInUse(file, `${file}.copy`);
    journal.close();
    copyInUse(`${file}.copy`, file);
    rmSync(file);
    const back = await recover(file);
    assert.deepEqual(holdings(back.journal), held);
    assert.ok(readdirSync(directory).includes("journal.sqlite.damaged-1-wal"));
    back.journal.close();
  }));

test("goes on where a recovery was cut off", () =>
  withScratch(async ({ file }) => {
    const { held } = await furnished(file);
    writeFileSync(`${file}.found-damaged`, "it was found while in use");
    rmSync(file);
    const { journal } = await recover(file);
    assert.deepEqual(holdings(journal), held);
    assert.ok(!existsSync(`${file}.found-damaged`));
    journal.close();
  }));

test("whatever was received is in the shadow as soon as the call has returned", () =>
  withScratch(async ({ file }) => {
    const { journal } = await recover(file);
    const { desired, envelope } = sealed(9);
    journal.receive(desired, envelope);
    const { state } = await readShadow(shadowFile(file));
    assert.deepEqual(state?.envelope, envelope);
    journal.close();
  }));
