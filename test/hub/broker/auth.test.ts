// What one connection may gather up at the broker.
import assert from "node:assert/strict";
import { createAccess, type Peer } from "#hub/broker/auth.ts";
import { suite } from "#test/suite.ts";

const test = suite("broker access");

const authenticator = {
  device: async () => null,
  operator: async () => ({ kind: "operator", name: "ops" }) as const,
};

test("an operator's connection has room for a hundred filters, and asking again costs none", async () => {
  const access = createAccess(authenticator, { penalty: async () => undefined });
  const peer: Peer = { id: "terminal", conn: {}, close: () => undefined };
  assert.deepEqual(await access.admit(peer, "operator", "token", ""), { admitted: true });
  const filters = Array.from({ length: 150 }, (_, n) => `fleet/v1/d/+/x${n}`);
  assert.equal(filters.filter((filter) => access.maySubscribe(peer, filter)).length, 100);
  assert.equal(access.maySubscribe(peer, "fleet/v1/d/+/x0"), true);
  assert.equal(access.maySubscribe(peer, "fleet/v1/#"), false);
});
