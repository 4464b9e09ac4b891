// Credentials: hashes compared, right answers remembered until the secret is replaced.
import assert from "node:assert/strict";
import { createAuthenticator } from "#hub/broker/authenticator.ts";
import { createBus } from "#hub/bus.ts";
import { sha256 } from "#shared/canonical.ts";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("authenticator");

function fixture() {
  const hashes = new Map([["pi-1", sha256("secret")]]);
  const bus = createBus();
  let reads = 0;
  const store = {
    secretHash: async (device: string) => {
      reads += 1;
      return hashes.get(device) ?? null;
    },
    operatorByHash: async (hash: string) => (hash === sha256("token") ? { name: "ops" } : null),
  };
  return { hashes, bus, reads: () => reads, known: createAuthenticator({ store, bus }) };
}

test("knows a device by its secret and an operator by the token", async () => {
  const { known } = fixture();
  assert.deepEqual(await known.device("pi-1", "secret"), { kind: "device", id: "pi-1" });
  assert.deepEqual(await known.operator("token"), { kind: "operator", name: "ops" });
  assert.equal(await known.operator("other"), null);
});

test("knows nobody by a wrong secret, the hash itself, an unknown or a malformed name", async () => {
  const { known } = fixture();
  for (const secret of ["wrong", "", sha256("secret")]) {
    assert.equal(await known.device("pi-1", secret), null);
  }
  assert.equal(await known.device("pi-2", "secret"), null);
  assert.equal(await known.device("../pi-1", "secret"), null);
});

test("a fleet that comes back reads the store once per device", async () => {
  const { known, reads } = fixture();
  for (let n = 0; n < 50; n += 1) await known.device("pi-1", "secret");
  assert.equal(reads(), 1);
});

test("a replaced secret counts at once, and the old one no more", async () => {
  const { known, hashes, bus } = fixture();
  await known.device("pi-1", "secret");
  hashes.set("pi-1", sha256("new"));
  bus.emit("membership", id("pi-1"));
  assert.equal(await known.device("pi-1", "secret"), null);
  assert.notEqual(await known.device("pi-1", "new"), null);
});

test("a secret replaced while it was being read neither passes nor is remembered", async () => {
  const { known, hashes, bus } = fixture();
  const reading = known.device("pi-1", "secret");
  hashes.set("pi-1", sha256("new"));
  bus.emit("membership", id("pi-1"));
  assert.equal(await reading, null);
  assert.equal(await known.device("pi-1", "secret"), null);
});
