// Looking whether a disk takes writes again, on a disk that refuses more than writes.
import * as assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { awaitDisk } from "#edge/journal/comeback.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { withScratch } from "./fixture.ts";

const test = suite("a disk that comes back");

test("is looked for until it is there, also while what a look has left cannot be removed", () =>
  withScratch(async ({ file }) => {
    // No file can take its place, and rm(1) without -r cannot take it away.
    const probe = `${file}.probe`;
    mkdirSync(join(probe, "left"), { recursive: true });
    let looks = 0;
    const { promise: back, resolve } = Promise.withResolvers<string>();
    const sleep = async (): Promise<void> => {
      looks += 1;
      if (looks === 3) rmSync(probe, { recursive: true });
      await systemClock.sleep(1);
    };
    const stop = awaitDisk({ file, clock: { sleep }, onBack: () => resolve("back") });
    assert.equal(await back, "back");
    assert.equal(looks, 3);
    stop();
  }));
