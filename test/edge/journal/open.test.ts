import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { openDatabase } from "#edge/journal/database.ts";
import { migrations } from "#edge/journal/migrations.ts";
import { suite } from "#test/suite.ts";
import { desiredState, envelope, withScratch } from "./fixture.ts";

const test = suite("journal file");

/** Without its layout: a column that came later stands on the same line. */
function schemaOf(database: Database.Database): unknown[] {
  return database
    .prepare<[], { type: string; name: string; sql: string }>(
      "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name",
    )
    .all()
    .map((row) => ({
      ...row,
      sql: row.sql.replaceAll(/\s*([(),])\s*/g, "$1").replaceAll(/\s+/g, " "),
    }));
}

function edgePart(text: string): string {
  const part = text.split("-- === edge ===")[1]?.split("-- === end of edge ===")[0];
  assert.ok(part, "schema.sql has no edge part");
  return part;
}

test("has the tables of schema.sql once every migration has run", () =>
  withScratch(({ file }) => {
    const migrated = openDatabase(file);
    const written = new Database(":memory:");
    written.exec(edgePart(readFileSync(join(import.meta.dirname, "../../../schema.sql"), "utf8")));
    assert.deepEqual(schemaOf(migrated), schemaOf(written));
    assert.equal(migrated.pragma("user_version", { simple: true }), migrations.length);
    migrated.close();
    written.close();
  }));

test("is durable at every write: WAL, synchronous=FULL, readable by its owner alone", () =>
  withScratch(({ file }) => {
    const database = openDatabase(file);
    assert.equal(database.pragma("journal_mode", { simple: true }), "wal");
    assert.equal(database.pragma("synchronous", { simple: true }), 2);
    assert.equal(database.pragma("foreign_keys", { simple: true }), 1);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    database.close();
  }));

test("keeps its epoch over a reopening, and another file has another", () =>
  withScratch((one) =>
    withScratch((other) => {
      const first = one.open();
      first.append({ kind: "event", body: {} });
      first.close();
      assert.equal(one.open().epoch, first.epoch);
      assert.notEqual(other.open().epoch, first.epoch);
    }),
  ));

test("refuses a file that is no database, with its name and the next step", () =>
  withScratch(({ file, open }) => {
    writeFileSync(file, "not a database, but long enough to have a header".repeat(100));
    assert.throws(() => open(), {
      code: "journal_unusable",
      retry: "never",
      subject: file,
      hint: /moves the file aside/,
    });
  }));

test("refuses a file with a torn page", () =>
  withScratch(({ file, open }) => {
    const journal = open();
    for (let i = 0; i < 500; i++) journal.append({ kind: "event", body: { i } });
    journal.close();
    const handle = openSync(file, "r+");
    const size = statSync(file).size;
    writeSync(handle, Buffer.alloc(4096 * 3, 0xa5), 0, 4096 * 3, Math.floor(size / 8192) * 4096);
    closeSync(handle);
    assert.throws(() => open(), { code: "journal_unusable", subject: file });
  }));

test("refuses a file of a newer agent and leaves it as it is", () =>
  withScratch(({ file, open }) => {
    const database = openDatabase(file);
    database.pragma(`user_version = ${migrations.length + 1}`);
    database.close();
    assert.throws(() => open(), { code: "journal_unusable", message: /newer agent/ });
  }));

test("refuses a directory that does not exist", () =>
  withScratch(({ directory }) => {
    const file = join(directory, "absent", "journal.sqlite");
    assert.throws(() => openDatabase(file), { code: "journal_unusable", subject: file });
  }));

test("answers journal_unusable, to be tried again, while another program holds the file", () =>
  withScratch(({ file, open }) => {
    const journal = open();
    const other = new Database(file, { timeout: 0 });
    other.exec("BEGIN IMMEDIATE");
    assert.throws(() => journal.append({ kind: "event", body: {} }), {
      code: "journal_unusable",
      retry: "later",
    });
    other.exec("ROLLBACK");
    other.close();
    assert.equal(journal.append({ kind: "event", body: {} }), 1);
  }));

test("has every entry whose append returned before SIGKILL", () =>
  withScratch(async ({ file, open }) => {
    const program = `
      import { openJournal } from "#edge/journal/open.ts";
      import { systemClock } from "#shared/clock.ts";
      import { writeSync } from "node:fs";
      const journal = openJournal({ file: ${JSON.stringify(file)}, clock: systemClock });
      for (;;) writeSync(1, journal.append({ kind: "event", body: { text: "x".repeat(500) } }) + "\\n");
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      cwd: join(import.meta.dirname, "../../.."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = 0;
    createInterface({ input: child.stdout }).on("line", (line) => {
      told = Number(line);
      if (told === 200) child.kill("SIGKILL");
    });
    await once(child, "close");
    assert.ok(told >= 200);
    const journal = open();
    const found = journal.entries({ limit: 100_000 }).map(({ seq }) => seq);
    assert.ok(found.length >= told);
    assert.deepEqual(
      found.toReversed(),
      found.map((_, i) => i + 1),
    );
  }));

test("gives back the desired state in force after it was closed", () =>
  withScratch(({ open }) => {
    const journal = open();
    assert.equal(journal.desired(), undefined);
    assert.equal(journal.receive(desiredState(7), envelope), "accepted");
    journal.close();
    assert.deepEqual(open().desired(), desiredState(7));
  }));
