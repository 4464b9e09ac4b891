// Private files on a disk that takes only a part of them.
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePrivateFile } from "#edge/sync/durable.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/sync/durable");

test("a disk that takes a part of the file leaves the one that was there, and says so", () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-durable-"));
  const file = join(directory, "device.json");
  const module = import.meta.resolve("#edge/sync/durable.ts");
  const code = `import { writePrivateFile } from ${JSON.stringify(module)};
try { writePrivateFile(${JSON.stringify(file)}, "x".repeat(9000)); console.log("written"); }
catch (error) { console.log(error.code); }`;
  // The limit on a file's size acts as a full disk does: the first write takes what still fits.
  const words = [
    "-c",
    'ulimit -f 8; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    code,
  ];
  const env = { PATH: process.env["PATH"] };
  try {
    writePrivateFile(file, "as it was");
    assert.equal(execFileSync("sh", words, { env, encoding: "utf8" }).trim(), "EFBIG");
    assert.equal(readFileSync(file, "utf8"), "as it was");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
