import * as assert from "node:assert/strict";
import type { PullLine } from "#edge/runtime/docker/calls/api.ts";
import { createPullNeed, watchRoom } from "#edge/runtime/docker/room.ts";
import { suite } from "#test/suite.ts";

const test = suite("room for an image");

function downloading(id: string, current: number, total: number): PullLine {
  return { id, status: "Downloading", progressDetail: { current, total } };
}

test("counts what has to come and what the unpacking takes", () => {
  const need = createPullNeed();
  need.note({ status: "Pulling from team/robot", id: "1" });
  need.note({ status: "Already exists", id: "base" });
  assert.equal(need.bytes(), 0);
  need.note(downloading("a", 100, 1000));
  assert.equal(need.bytes(), 900 + 2500);
  need.note(downloading("b", 0, 100));
  assert.equal(need.bytes(), 3400 + 350);
  need.note({ status: "Download complete", id: "a" });
  assert.equal(need.bytes(), 2500 + 350);
  need.note({ status: "Extracting", id: "a", progressDetail: { current: 1, total: 1000 } });
  need.note({ status: "Pull complete", id: "a" });
  assert.equal(need.bytes(), 350);
});

async function* lines(all: readonly PullLine[], ended: () => void): AsyncGenerator<PullLine> {
  try {
    yield* all;
  } finally {
    ended();
  }
}

test("passes the lines on while there is room, and leaves the pull when there is not", async () => {
  const all = [downloading("a", 1, 10), downloading("a", 5, 10)];
  let endings = 0;
  const room = (free: number) => ({
    dataRoot: async () => "/engine",
    reserveBytes: 5,
    freeBytes: async () => free,
  });
  const watched = async (free: number): Promise<number> => {
    let passed = 0;
    const source = lines(all, () => {
      endings += 1;
    });
    for await (const _ of watchRoom("robot:1", source, room(free))) passed += 1;
    return passed;
  };
  assert.equal(await watched(39), 2);
  await assert.rejects(watched(38), { code: "disk_short", retry: "later" });
  assert.equal(endings, 2);
});

test("an Engine's directory that cannot be measured stops no pull", async () => {
  const source = lines([downloading("a", 0, 10)], () => undefined);
  const room = {
    dataRoot: async () => "/engine",
    reserveBytes: 5,
    freeBytes: () => Promise.reject(new Error("EACCES")),
  };
  for await (const _ of watchRoom("robot:1", source, room)) assert.equal(_.id, "a");
});
