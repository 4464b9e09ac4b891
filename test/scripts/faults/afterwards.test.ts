// Commands that are run when the harness is gone, however it went.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterwards } from "#scripts/faults/afterwards.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("what is run afterwards");

async function withFile(body: (file: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "fleet-afterwards-"));
  try {
    await body(join(directory, "file"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("it is run when it is asked for, and not before", () =>
  withFile(async (file) => {
    const later = afterwards(["touch", file]);
    await systemClock.sleep(200);
    assert.ok(!existsSync(file));
    await later.run();
    assert.ok(existsSync(file));
    await later.run();
  }));

test("a command that fails says so", async () => {
  await assert.rejects(afterwards(["cat", "/nowhere/at/all"]).run(), /nowhere.*No such file/s);
});

for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
  test(`it is run when the harness ends by ${signal}`, () =>
    withFile(async (file) => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", harness(file)], {
        cwd: join(import.meta.dirname, "..", "..", ".."),
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      child.kill(signal);
      while (!existsSync(file)) await systemClock.sleep(20);
    }));
}

function harness(file: string): string {
  return `import { afterwards } from "#scripts/faults/afterwards.ts";
afterwards(["touch", ${JSON.stringify(file)}]);
console.log("ready");
setInterval(() => undefined, 1000);`;
}
