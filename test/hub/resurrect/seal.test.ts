// Memos that must fit: history goes first, the older half of it, and orders never.
import assert from "node:assert/strict";
import { createHash, createPublicKey } from "node:crypto";
import { contentOf, sealMemo } from "#hub/resurrect/seal.ts";
import type { MemoContent } from "#hub/store/memo_port.ts";
import { DeviceId } from "#shared/ids.ts";
import { maxMemoBytes, openMemo } from "#shared/memo.ts";
import { suite } from "#test/suite.ts";
import { createSigningKey } from "#test/support/signing_key.ts";

const test = suite("memos");
const key = createSigningKey();
const trusted = new Map([[key.id, createPublicKey(key.publicPem)]]);
const device = DeviceId.parse("pi-1");
/** Nothing that gzip could make smaller. */
const noise = (seed: number): string => createHash("sha512").update(String(seed)).digest("base64");

function sealedAndRead(content: MemoContent): MemoContent | undefined {
  const envelope = sealMemo(device, 1, content, key);
  assert.equal(Buffer.from(envelope.payload, "base64").byteLength <= maxMemoBytes, true);
  const memo = openMemo(envelope, device, trusted);
  return memo && contentOf(memo, 5);
}

test("says what it was told", () => {
  const own = { devices: [{ id: "pi-1", mode: "hold" }] };
  assert.deepEqual(sealedAndRead({ schema: 5, own }), { schema: 5, own });
});

test("leaves the older half of history out until it fits, and no order", () => {
  const rollouts = Array.from({ length: 2000 }, (_, id) => ({ id: 2000 - id, why: noise(id) }));
  const pins = [{ id: 1, reason: "a demo" }];
  const fleet = { version: 1, snapshots: [], revoked: [], rows: { rollouts, pins } };
  const read = sealedAndRead({ schema: 5, own: {}, fleet });
  const kept = read?.fleet?.rows["rollouts"] ?? [];
  assert.equal(kept.length > 100 && kept.length < 2000, true);
  assert.deepEqual(kept, rollouts.slice(0, kept.length));
  assert.deepEqual(read?.fleet?.rows["pins"], pins);
});

test("refuses what does not fit without history", () => {
  const edits = Array.from({ length: 2000 }, (_, id) => noise(id)).join("");
  const content = { schema: 5, own: { devices: [{ id: "pi-1", edits }] } };
  assert.throws(() => sealMemo(device, 1, content, key), { code: "message_too_large" });
});

test("is not read by a hub that is older than its writer", () => {
  assert.equal(sealedAndRead({ schema: 6, own: {} }), undefined);
});

test("is nobody else's", () => {
  const envelope = sealMemo(device, 1, { schema: 5, own: {} }, key);
  assert.equal(openMemo(envelope, DeviceId.parse("pi-2"), trusted), undefined);
  assert.equal(openMemo(envelope, device, new Map()), undefined);
});
