// The store's contract for what lets somebody in: enrolment tokens and the tokens of operators.
import assert from "node:assert/strict";
import { newLifecycle } from "#hub/run/phase.ts";
import { addRun, id } from "./rows.ts";
import type { Check } from "./store_history.ts";

export function credentials(check: Check): void {
  const token = { hash: "t", expiresAt: 1000, device: null, createdAt: 0 };
  check(
    "a token is redeemed by one device and nonce, and again by the same pair",
    async (store) => {
      await store.addToken(token);
      assert.equal(await store.redeemToken("t", id("pi-1"), "n1", 10), true);
      assert.equal(await store.redeemToken("t", id("pi-1"), "n1", 20), true);
      assert.equal(await store.redeemToken("t", id("pi-1"), "n2", 20), false);
      assert.equal(await store.redeemToken("t", id("pi-2"), "n1", 20), false);
    },
  );
  check("a redemption is not repeated once another identity has followed", async (store) => {
    const pi = id("pi-1");
    for (const hash of ["t1", "t2"]) await store.addToken({ ...token, hash, device: pi });
    const redeem = async (hash: string, nonce: string, now: number): Promise<boolean> => {
      const isRedeemed = await store.redeemToken(hash, pi, nonce, now);
      if (isRedeemed) await store.enrol(pi, `secret of ${hash}`, {}, now);
      return isRedeemed;
    };
    assert.equal(await redeem("t1", "n1", 10), true);
    assert.equal(await redeem("t1", "n1", 20), true);
    assert.equal(await redeem("t2", "n2", 30), true);
    assert.equal(await redeem("t1", "n1", 40), false);
    assert.equal(await redeem("t2", "n2", 50), true);
    // Redeemed, and the hub was killed before it enrolled the device.
    await store.addToken({ ...token, hash: "t3", device: pi });
    assert.equal(await store.redeemToken("t3", pi, "n3", 60), true);
    assert.equal(await redeem("t3", "n3", 70), true);
  });
  check("a redemption is not repeated once its identity was ended", async (store) => {
    const pi = id("pi-1");
    await store.addToken({ ...token, device: pi });
    assert.equal(await store.redeemToken("t", pi, "n1", 10), true);
    await store.enrol(pi, "secret", {}, 10);
    await addRun(store, pi, { orderedAt: 20, head: {} });
    const [run] = (await store.runs({ limit: 1 })).rows;
    assert.ok(run !== undefined);
    await store.changeRun({ run, life: newLifecycle(pi, 30), revokes: true, events: [] });
    assert.equal(await store.redeemToken("t", pi, "n1", 40), false);
  });
  check("a token for any device does not replace one that is enrolled", async (store) => {
    const open = { expiresAt: 1000, createdAt: 0 };
    await store.addToken({ ...open, hash: "any", device: null });
    await store.addToken({ ...open, hash: "own", device: id("pi-1") });
    await store.enrol(id("pi-1"), "secret", {}, 0);
    assert.equal(await store.redeemToken("any", id("pi-1"), "n", 10), false);
    assert.equal(await store.redeemToken("own", id("pi-1"), "n", 10), true);
    assert.equal(await store.redeemToken("any", id("pi-2"), "n", 10), true);
  });

  check("of many devices that redeem one token at once exactly one succeeds", async (store) => {
    await store.addToken(token);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.redeemToken("t", id(`pi-${n}`), "n", 10)),
    );
    assert.equal(all.filter(Boolean).length, 1);
  });
  check("an expired, unknown or other device's token is refused", async (store) => {
    await store.addToken({ ...token, device: id("pi-1") });
    assert.equal(await store.redeemToken("t", id("pi-2"), "n", 10), false);
    assert.equal(await store.redeemToken("t", id("pi-1"), "n", 1000), false);
    assert.equal(await store.redeemToken("none", id("pi-1"), "n", 10), false);
    assert.equal(await store.redeemToken("t", id("pi-1"), "n", 999), true);
  });
  check("an operator is found by the token's hash until it is replaced", async (store) => {
    await store.addOperator("ops", "h1", 1);
    assert.deepEqual(await store.operatorByHash("h1"), { name: "ops" });
    await store.addOperator("ops", "h2", 2);
    assert.equal(await store.operatorByHash("h1"), null);
    assert.deepEqual(await store.operatorByHash("h2"), { name: "ops" });
  });
}
