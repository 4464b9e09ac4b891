import * as assert from "node:assert/strict";
import { SqliteError } from "better-sqlite3";
import { guardCalls, withRoom } from "#edge/journal/guard.ts";
import { Damage } from "#edge/journal/unusable.ts";
import { suite } from "#test/suite.ts";

const test = suite("journal guard");

const full = () => new SqliteError("database or disk is full", "SQLITE_FULL");

function guarding(call: () => unknown, rooms: readonly (() => boolean)[] = []) {
  const found: string[] = [];
  const onDamage = (finding: string): void => void found.push(finding);
  return { found, ...guardCalls({ call }, { file: "journal.db", rooms, onDamage }) };
}

test("makes room in order, and only as long as the disk is full", () => {
  const story: string[] = [];
  const room = (name: string, freed: boolean) => () => {
    story.push(name);
    return freed;
  };
  let refusals = 2;
  const call = (): string => {
    story.push("call");
    refusals -= 1;
    if (refusals >= 0) throw full();
    return "written";
  };
  const rooms = [room("thin", true), room("aside", false), room("ballast", true), room("no", true)];
  assert.equal(withRoom(rooms, call), "written");
  assert.equal(story.join(" "), "call thin call aside ballast call");
});

test("says later when no room helps", () => {
  const { call, found } = guarding(() => {
    throw full();
  }, [() => true]);
  assert.throws(call, { code: "journal_unusable", retry: "later", message: /disk is full/ });
  assert.deepEqual(found, []);
});

test("tells of damage, by SQLite's word or by a row's", () => {
  const causes = [
    new SqliteError("database disk image is malformed", "SQLITE_CORRUPT_INDEX"),
    new SqliteError("file is not a database", "SQLITE_NOTADB"),
    new SqliteError("malformed JSON", "SQLITE_ERROR"),
    new Damage("a row of memory holds no JSON"),
  ];
  for (const cause of causes) {
    const { call, found } = guarding(() => {
      throw cause;
    });
    assert.throws(call, { code: "journal_unusable", retry: "never" });
    assert.deepEqual(found, [cause.message]);
  }
});

test("makes no room for a read error, and lets other errors through", () => {
  let asked = 0;
  const room = (): boolean => {
    asked += 1;
    return true;
  };
  const io = guarding(() => {
    throw new SqliteError("disk I/O error", "SQLITE_IOERR_READ");
  }, [room]);
  assert.throws(io.call, { code: "journal_unusable", retry: "later" });
  const own = new TypeError("ours");
  const other = guarding(() => {
    throw own;
  }, [room]);
  assert.throws(other.call, own);
  assert.equal(asked, 0);
});

test("keeps a property that changes", () => {
  let epoch = "a";
  const calls = guardCalls(
    {
      get epoch() {
        return epoch;
      },
    },
    { file: "journal.db", rooms: [], onDamage: () => undefined },
  );
  epoch = "b";
  assert.equal(calls.epoch, "b");
});
