// Copies whose state lies on a disk that is full for a while.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessRuntime } from "#edge/runtime/process/runtime.ts";
import { createProcessRuntime } from "#edge/runtime/process/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { withMount } from "#test/edge/journal/mount.ts";
import { suite } from "#test/suite.ts";
import { only, resolvedApp, shell, until } from "./fixture.ts";

const test = suite("a process on a full disk");
const place = { service: "web", index: 1 };

interface Bench {
  runtime: ProcessRuntime;
  directory: string;
  fill(): void;
  free(): void;
}

const onSmallDisk = (body: (bench: Bench) => Promise<void>) => () =>
  withMount(256, async ({ directory }) => {
    const runtime = createProcessRuntime({ directory, device: "bench", clock: systemClock });
    const filler = join(directory, "filler");
    const fill = (): void => {
      assert.throws(() => writeFileSync(filler, Buffer.alloc(1 << 20)), { code: "ENOSPC" });
    };
    try {
      await body({ runtime, directory, fill, free: () => rmSync(filler) });
    } finally {
      await runtime.endAll();
    }
  });

test.real(
  "mount",
  "a copy that ended well is not taken for one that failed",
  onSmallDisk(async ({ runtime, directory, fill, free }) => {
    const script = "until test -e go; do sleep 0.05; done";
    await runtime.start(resolvedApp(directory, { web: shell(script) }), place);
    fill();
    // An empty file takes no room.
    writeFileSync(join(directory, "go"), "");
    await until("the end", async () => (await only(runtime)).state === "exited");
    assert.equal((await only(runtime)).exitCode, 0);
    free();
  }),
);

test.real(
  "mount",
  "a restart that the disk refused is made good by the next start",
  onSmallDisk(async ({ runtime, directory, fill, free }) => {
    const app = resolvedApp(directory, { web: shell("exec sleep 60") });
    await runtime.start(app, place);
    fill();
    await assert.rejects(runtime.restart(await only(runtime)), { code: "disk_short" });
    assert.equal((await only(runtime)).state, "created");
    free();
    await runtime.start(app, place);
    assert.equal((await only(runtime)).state, "running");
  }),
);
