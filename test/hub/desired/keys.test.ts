// The signing key: made once, private, and never replaced in silence.
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { keyIdOf } from "#shared/envelope.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/desired/keys");

async function inScratch(body: (directory: string, file: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-keys-"));
  try {
    await body(join(directory, "data"), join(directory, "data", "signing-key.pem"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("is made at the first start, for its owner alone, and found again at the next", () =>
  inScratch(async (directory, file) => {
    const first = await loadSigningKey(directory);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory), ["signing-key.pem"]);
    assert.equal(keyIdOf(createPublicKey(first.publicPem)), first.id);
    assert.equal((await loadSigningKey(directory)).id, first.id);
  }));

test("is refused when others may read it", () =>
  inScratch(async (directory, file) => {
    await loadSigningKey(directory);
    chmodSync(file, 0o640);
    await assert.rejects(loadSigningKey(directory), { code: "config_invalid" });
  }));

test("is refused, and not replaced, when it is damaged", () =>
  inScratch(async (directory, file) => {
    await loadSigningKey(directory);
    writeFileSync(file, "nonsense");
    await assert.rejects(loadSigningKey(directory), { code: "config_invalid" });
    assert.equal(statSync(file).size, 8);
  }));
