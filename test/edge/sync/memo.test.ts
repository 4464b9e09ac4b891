// Which of the hub's memos a device keeps, and when it finds its hub behind.
import * as assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { keepsakesInMemory } from "#edge/sync/keepsakes.ts";
import { createMemoKeeper, type MemoKeeper } from "#edge/sync/memo.ts";
import { type Envelope, keyIdOf, seal } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import { maxMemoBytes, memoPayloadType } from "#shared/memo.ts";
import { suite } from "#test/suite.ts";
import { deviceId, hubKeys, identityFor, silent } from "./fixture.ts";

const test = suite("edge/sync/memo");
const trusted = new Map([[keyIdOf(hubKeys.publicKey), hubKeys.publicKey]]);

function memoOf(
  version: unknown,
  { device = deviceId, key = hubKeys, content = "", type = memoPayloadType } = {},
): Envelope {
  return seal(type, { device, version, content }, key.privateKey, keyIdOf(key.publicKey));
}

interface Bench {
  keeper: MemoKeeper;
  kept(): Envelope | undefined;
  /** How often it was kept, and how often the hub was found behind. */
  counts: { writes: number; behind: number };
  /** The same device after a restart of its agent. */
  restarted(): MemoKeeper;
}

function bench(options: { held?: Envelope; keepMemo?: () => void } = {}): Bench {
  const store = keepsakesInMemory(identityFor());
  if (options.held !== undefined) store.keepMemo(options.held);
  const counts = { writes: 0, behind: 0 };
  const keepsakes = {
    memo: store.memo,
    keepMemo: (memo: Envelope) => {
      counts.writes += 1;
      options.keepMemo?.();
      store.keepMemo(memo);
    },
  };
  const start = (): MemoKeeper =>
    createMemoKeeper({
      ...{ device: deviceId, trusted, keepsakes, logger: silent },
      onBehind: () => {
        counts.behind += 1;
      },
    });
  return { keeper: start(), kept: store.memo, counts, restarted: start };
}

test("keeps the first and every newer one, once each", () => {
  const { keeper, kept, counts } = bench();
  for (const version of [3, 3, 5, 5]) keeper.receive(memoOf(version));
  assert.deepEqual(kept(), memoOf(5));
  assert.deepEqual(counts, { writes: 2, behind: 0 });
});

test("an older one is not kept, and says that the hub is behind each time that it comes", () => {
  const { keeper, kept, counts } = bench();
  keeper.receive(memoOf(5));
  keeper.receive(memoOf(4));
  keeper.receive(memoOf(4));
  assert.deepEqual(kept(), memoOf(5));
  assert.deepEqual(counts, { writes: 1, behind: 2 });
});

test("what it held before a restart counts after it", () => {
  const { keeper, restarted, kept, counts } = bench();
  keeper.receive(memoOf(5));
  const again = restarted();
  again.receive(memoOf(4));
  assert.deepEqual(counts, { writes: 1, behind: 1 });
  again.receive(memoOf(6));
  assert.deepEqual(kept(), memoOf(6));
});

test("what is not the hub's, not for this device or no memo is passed over without a word", () => {
  const stranger = generateKeyPairSync("ed25519");
  const good = memoOf(9);
  const wrong: Envelope[] = [
    memoOf(9, { key: stranger }),
    memoOf(9, { device: "pi-2" as DeviceId }),
    memoOf(9, { type: "application/vnd.metrica.fleet.desired.v1+json" }),
    memoOf(9, { content: "no base64!" }),
    memoOf(9, { content: "A".repeat(maxMemoBytes) }),
    ...[0, -1, 1.5, "9", null].map((version) => memoOf(version)),
    { ...good, payload: memoOf(10).payload },
    { ...good, signatures: [{ keyid: keyIdOf(hubKeys.publicKey), sig: "" }] },
    { ...good, signatures: [{ keyid: keyIdOf(hubKeys.publicKey), sig: "QUJD" }] },
    seal(memoPayloadType, "no memo", hubKeys.privateKey, keyIdOf(hubKeys.publicKey)),
  ];
  for (const memo of wrong) {
    const { keeper, kept, counts } = bench({ held: memoOf(5) });
    keeper.receive(memo);
    assert.deepEqual([kept(), counts], [memoOf(5), { writes: 0, behind: 0 }]);
  }
});

test("one on the disk that another hub has sealed gives way to this hub's first", () => {
  const foreign = memoOf(99, { key: generateKeyPairSync("ed25519") });
  const { keeper, kept, counts } = bench({ held: foreign });
  keeper.receive(memoOf(1));
  assert.deepEqual([kept(), counts], [memoOf(1), { writes: 1, behind: 0 }]);
});

test("a disk that takes nothing costs nothing but the memo, and is not tried with the same one again", () => {
  const { keeper, counts } = bench({
    keepMemo: () => {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    },
  });
  keeper.receive(memoOf(5));
  keeper.receive(memoOf(5));
  keeper.receive(memoOf(4));
  assert.deepEqual(counts, { writes: 1, behind: 1 });
});
