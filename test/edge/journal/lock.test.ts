import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { acquireLock } from "#edge/journal/lock.ts";
import { suite } from "#test/suite.ts";
import { withScratch } from "./fixture.ts";
import { withMount } from "./mount.ts";

const test = suite("journal lock");

test("is held by one at a time and free after its release", () =>
  withScratch(({ directory }) => {
    const file = join(directory, "agent.lock");
    const lock = acquireLock(file);
    assert.throws(() => acquireLock(file), {
      code: "journal_unusable",
      message: /another agent/,
      subject: file,
    });
    lock.release();
    acquireLock(file).release();
  }));

test("is held against another process and freed by its SIGKILL", () =>
  withScratch(async ({ directory }) => {
    const file = join(directory, "agent.lock");
    const program = `
      import { acquireLock } from "#edge/journal/lock.ts";
      const lock = acquireLock(${JSON.stringify(file)});
      process.stdout.write("held");
      setInterval(() => lock.release, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      cwd: join(import.meta.dirname, "../../.."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      assert.throws(() => acquireLock(file), { code: "journal_unusable" });
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    acquireLock(file).release();
  }));

test("says when its directory does not exist", () =>
  withScratch(({ directory }) => {
    assert.throws(() => acquireLock(join(directory, "absent", "agent.lock")), {
      code: "journal_unusable",
      hint: /directory/,
    });
  }));

test.real(
  "mount",
  "is held by one at a time on a read-only disk, whether its file is there or not",
  () =>
    withMount(256, async ({ directory, readOnly }) => {
      const there = join(directory, "agent.lock");
      acquireLock(there).release();
      readOnly();
      for (const file of [there, join(directory, "absent.lock")]) {
        const lock = acquireLock(file);
        assert.throws(() => acquireLock(file), { message: /another agent/, subject: file });
        lock.release();
        acquireLock(file).release();
      }
    }),
);

test.real("mount", "is held also where the temporary directory is on the same read-only disk", () =>
  withMount(256, async ({ directory, readOnly }) => {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = directory;
    try {
      readOnly();
      const file = join(directory, "agent.lock");
      const lock = acquireLock(file);
      assert.throws(() => acquireLock(file), { message: /another agent/, subject: file });
      lock.release();
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  }),
);
