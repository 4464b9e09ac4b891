// One output file of a copy, where the disk or the time without an agent was against it.
import assert from "node:assert/strict";
import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogFile } from "#edge/runtime/process/logfile.ts";
import { suite } from "#test/suite.ts";

const test = suite("log file of a process");
const maxBytes = 4096;

const inDirectory = (body: (path: string) => Promise<void>) => async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-logfile-"));
  try {
    await body(join(directory, "stdout.log"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

test(
  "cuts a file whose end cannot be put aside on a full disk",
  inDirectory(async (path) => {
    writeFileSync(path, "line\n".repeat(maxBytes));
    symlinkSync("/dev/full", `${path}.1`);
    const file = createLogFile({ path, maxBytes });
    await file.tend();
    assert.equal(statSync(path).size, 0);
    const { bytes, lostBytes, place } = await file.read(0, maxBytes);
    assert.deepEqual([bytes.length, lostBytes, place], [0, 5 * maxBytes, 5 * maxBytes]);
  }),
);

test(
  "puts no more aside than its bound, however long nobody looked",
  inDirectory(async (path) => {
    writeFileSync(path, "");
    truncateSync(path, 3 * 1024 ** 3);
    writeFileSync(path, "\nlast\n", { flag: "a" });
    const file = createLogFile({ path, maxBytes });
    const lines = await file.lines(0);
    assert.deepEqual(
      lines.map(({ text }) => text),
      ["last"],
    );
    assert.equal(statSync(path).size, 0);
    assert.equal(readFileSync(`${path}.1`, "utf8"), "last\n");
  }),
);

test(
  "counts the places of what it has put aside from the true beginning",
  inDirectory(async (path) => {
    const text = Array.from({ length: 2000 }, (_, at) => `line ${at}\n`).join("");
    writeFileSync(path, text);
    const file = createLogFile({ path, maxBytes });
    await file.tend();
    const { bytes, place, lostBytes } = await file.read(0, maxBytes);
    assert.equal(place, text.length);
    assert.equal(lostBytes + bytes.length, text.length);
    assert.ok(text.endsWith(`\n${bytes.toString()}`));
  }),
);
