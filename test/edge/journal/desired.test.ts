import * as assert from "node:assert/strict";
import Database from "better-sqlite3";
import { suite } from "#test/suite.ts";
import { desiredState, envelope, withScratch } from "./fixture.ts";

const test = suite("desired states in the journal");

test("accepts a rising generation, leaves an older one aside and knows the same one again", () =>
  withScratch(({ open }) => {
    const journal = open();
    assert.equal(journal.receive(desiredState(3), envelope), "accepted");
    assert.equal(journal.receive(desiredState(3), envelope), "same");
    assert.equal(journal.receive(desiredState(2, "hold"), envelope), "stale");
    assert.equal(journal.receive(desiredState(4, "hold"), envelope), "accepted");
    assert.deepEqual(journal.desired(), desiredState(4, "hold"));
  }));

test("journals each accepted one once", () =>
  withScratch(({ open }) => {
    const journal = open();
    for (const generation of [1, 1, 2, 1, 2]) journal.receive(desiredState(generation), envelope);
    const received = journal.entries({ kinds: ["desired.received"], limit: 10 });
    assert.deepEqual(
      received.map(({ body }) => body["generation"]),
      [2, 1],
    );
  }));

test("refuses the same generation with other content and changes nothing", () =>
  withScratch(({ open }) => {
    const journal = open();
    journal.receive(desiredState(3), envelope);
    assert.throws(() => journal.receive(desiredState(3, "safe"), envelope), {
      code: "generation_conflict",
    });
    assert.deepEqual(journal.desired(), desiredState(3));
    assert.equal(journal.entries({ limit: 10 }).length, 1);
  }));

test("forgets all but the last ten", () =>
  withScratch(({ open }) => {
    const journal = open();
    for (let generation = 1; generation <= 30; generation++) {
      journal.receive(desiredState(generation), envelope);
    }
    assert.equal(journal.desired()?.generation, 30);
    assert.equal(journal.receive(desiredState(5), envelope), "stale");
  }));

test("mends a desired state that the disk has spoilt when the hub sends it again", () =>
  withScratch(({ file, open }) => {
    const first = open();
    first.receive(desiredState(7), envelope);
    first.close();
    const own = new Database(file);
    own.exec("UPDATE desired_states SET content = replace(content, '\"run\"', '\"hold\"')");
    own.close();
    const journal = open();
    assert.equal(journal.desired()?.mode, "hold");
    assert.equal(journal.receive(desiredState(7), envelope), "same");
    assert.deepEqual(journal.desired(), desiredState(7));
  }));
