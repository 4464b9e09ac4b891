// The hub's word on an identity: believed only under its own key, and only of whom it names.
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { readStatement, sealStatement } from "#hub/enrol/statement.ts";
import { sha256 } from "#shared/canonical.ts";
import { seal } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { createSigningKey } from "#test/support/signing_key.ts";

const test = suite("statement of an enrolment");

const key = createSigningKey();
const trusted = new Map([[key.id, createPublicKey(key.publicPem)]]);
const device = "pi-1" as DeviceId;
const secretHash = sha256("a secret");
const identity = { device, secretHash, labels: { site: "north" }, enrolledAt: 1, issuedAt: 2 };

test("what the hub has said of an identity is read again whole", () => {
  const read = readStatement(sealStatement(identity, key), trusted, { device, secretHash });
  assert.deepEqual(read, identity);
});

test("it says nothing of another device and nothing of another secret", () => {
  const envelope = sealStatement(identity, key);
  const other = { device: "pi-2" as DeviceId, secretHash };
  assert.equal(readStatement(envelope, trusted, other), undefined);
  const guessed = { device, secretHash: sha256("another secret") };
  assert.equal(readStatement(envelope, trusted, guessed), undefined);
});

test("a stranger's hand, and the hub's own under another type, are no statement", () => {
  const forged = sealStatement(identity, createSigningKey());
  assert.equal(readStatement(forged, trusted, { device, secretHash }), undefined);
  const desired = seal("application/x-other", identity, key.privateKey, key.id);
  assert.equal(readStatement(desired, trusted, { device, secretHash }), undefined);
});
