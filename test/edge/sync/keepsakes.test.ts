// What a device keeps for its hub, over restarts, damage and disks that take nothing.
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, readIdentity, writeIdentity } from "#edge/sync/identity.ts";
import { type Keepsakes, keepsakesInMemory, keepsakesOnDisk } from "#edge/sync/keepsakes.ts";
import { type Envelope, seal } from "#shared/envelope.ts";
import { suite } from "#test/suite.ts";
import { hubKeys, identityFor } from "./fixture.ts";

const test = suite("edge/sync/keepsakes");
const paper = (text: string): Envelope => seal("text/plain", { text }, hubKeys.privateKey, "k");

interface Device {
  directory: string;
  memoFile: string;
  /** As the agent does at each start. */
  start(): Keepsakes;
  identity(): Identity | undefined;
}

function withDevice(body: (device: Device) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "fleet-keepsakes-"));
  const identity = (): Identity | undefined => readIdentity(directory);
  writeIdentity(directory, identityFor());
  const start = (): Keepsakes => keepsakesOnDisk(directory, identity() ?? identityFor());
  try {
    body({ directory, memoFile: join(directory, "memo.json"), start, identity });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("in memory the newest of each is kept, beginning with the statement of the enrolment", () => {
  const kept = keepsakesInMemory({ ...identityFor(), statement: paper("first") });
  assert.deepEqual([kept.statement(), kept.memo()], [paper("first"), undefined]);
  kept.keepStatement(paper("second"));
  kept.keepMemo(paper("memo"));
  assert.deepEqual([kept.statement(), kept.memo()], [paper("second"), paper("memo")]);
});

test("a new device has neither", () =>
  withDevice(({ start }) => {
    const kept = start();
    assert.deepEqual([kept.statement(), kept.memo()], [undefined, undefined]);
  }));

test("both are there again after a restart, readable by nobody else", () =>
  withDevice(({ start, directory, memoFile }) => {
    const before = start();
    before.keepMemo(paper("old"));
    before.keepMemo(paper("memo"));
    before.keepStatement(paper("statement"));
    const after = start();
    assert.deepEqual([after.statement(), after.memo()], [paper("statement"), paper("memo")]);
    for (const file of [memoFile, join(directory, "device.json")]) {
      assert.equal(statSync(file).mode & 0o777, 0o600, file);
    }
  }));

test("a statement changes nothing else of the identity", () =>
  withDevice(({ start, identity }) => {
    start().keepStatement(paper("statement"));
    assert.deepEqual(identity(), { ...identityFor(), statement: paper("statement") });
  }));

test("a memo that is cut, damaged or no memo is as good as none, and the next takes its place", () =>
  withDevice(({ start, memoFile }) => {
    const whole = `${JSON.stringify(paper("memo"))}\n`;
    for (const text of [
      "",
      "null",
      "[]",
      "{}",
      whole.slice(0, -20),
      `${whole}}`,
      "\u0000".repeat(64),
    ]) {
      writeFileSync(memoFile, text);
      const kept = start();
      assert.equal(kept.memo(), undefined, JSON.stringify(text));
      kept.keepMemo(paper("next"));
      assert.deepEqual(start().memo(), paper("next"));
    }
    rmSync(memoFile);
    mkdirSync(memoFile);
    assert.equal(start().memo(), undefined);
  }));

test("a write that fails is told, what was on the disk stays whole, and the newest counts until the end", () =>
  withDevice(({ start, directory, memoFile, identity }) => {
    const kept = start();
    kept.keepMemo(paper("memo"));
    const before = readFileSync(memoFile, "utf8");
    // A directory in the place of the file that would be renamed: it cannot be written.
    for (const name of ["memo.json.part", "device.json.part"]) mkdirSync(join(directory, name));
    assert.throws(() => kept.keepMemo(paper("newer")));
    assert.throws(() => kept.keepStatement(paper("statement")));
    assert.deepEqual([kept.memo(), kept.statement()], [paper("newer"), paper("statement")]);
    assert.equal(readFileSync(memoFile, "utf8"), before);
    assert.deepEqual(identity(), identityFor());
    assert.deepEqual(start().memo(), paper("memo"));
  }));

test("what a power cut left of a write is neither read nor in the way", () =>
  withDevice(({ start, memoFile }) => {
    start().keepMemo(paper("memo"));
    writeFileSync(`${memoFile}.part`, "half of a");
    const kept = start();
    assert.deepEqual(kept.memo(), paper("memo"));
    kept.keepMemo(paper("newer"));
    assert.deepEqual(start().memo(), paper("newer"));
  }));
