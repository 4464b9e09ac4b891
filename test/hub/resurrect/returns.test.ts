// What a hub believes of a device that returns, and what it does not.
import assert from "node:assert/strict";
import { createBus } from "#hub/bus.ts";
import { sealStatement } from "#hub/enrol/statement.ts";
import { createMemos } from "#hub/resurrect/memos.ts";
import { createPause, type FleetPause } from "#hub/resurrect/pause.ts";
import { createReturns, type Returns } from "#hub/resurrect/returns.ts";
import { sealMemo } from "#hub/resurrect/seal.ts";
import type { MemoContent } from "#hub/store/memo_port.ts";
import type { DesiredRow, Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { sha256 } from "#shared/canonical.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import { type Envelope, sealDesired } from "#shared/envelope.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { createSigningKey } from "#test/support/signing_key.ts";

const test = suite("devices that return");
const key = createSigningKey();
const device = DeviceId.parse("pi-1");
const secret = "the device's own secret";
const told = Date.parse("2026-11-20T12:00:00Z");

interface Hub {
  store: Store;
  pause: FleetPause;
  returns: Returns;
  adopted: DesiredRow[];
  disconnected: DeviceId[];
}

async function withHub(body: (hub: Hub) => Promise<void>, file = ":memory:"): Promise<void> {
  const store = await openStore({ file });
  const bus = createBus();
  const pause = createPause({ store, bus, clock });
  const [adopted, disconnected]: [DesiredRow[], DeviceId[]] = [[], []];
  const memos = createMemos({
    ...{ store, key, bus, clock, isPaused: () => pause.state() !== null },
    ...{ publish: () => undefined, onFailed: () => undefined },
  });
  const adopt = async (row: DesiredRow): Promise<void> => {
    await store.saveDesired(row);
    adopted.push(row);
  };
  const returns = createReturns({
    ...{ store, desired: { adopt }, memos, pause, key, bus, clock },
    disconnect: (id) => void disconnected.push(id),
    onMerged: () => Promise.resolve(),
  });
  await pause.start();
  try {
    await body({ store, pause, returns, adopted, disconnected });
  } finally {
    await store.close();
  }
}

function statementOf(of: { device?: DeviceId; secret?: string; issuedAt?: number } = {}): Envelope {
  const { issuedAt = told } = of;
  const identity = {
    device: of.device ?? device,
    secretHash: sha256(of.secret ?? secret),
    labels: { site: "north" },
    enrolledAt: told,
    issuedAt,
  };
  return sealStatement(identity, key);
}

function desiredOf(generation: number, by = key): Envelope {
  const desired: DesiredState = { device, generation, issuedAt: told, mode: "run", apps: [] };
  return sealDesired(desired, by.privateKey, by.id);
}

function memoOf(version: number, content: Partial<MemoContent>, by = key): Envelope {
  return sealMemo(device, version, { schema: 1, own: {}, ...content }, by);
}

const orders = {
  id: device,
  agent_labels: '{"site":"north"}',
  labels: '{"site":"south","shelf":"b"}',
  mode: "hold",
  mode_reason: "being moved",
  retry: 3,
};
const own = { devices: [orders] };

test("a device that the hub does not know is taken back on its secret and the hub's statement", () =>
  withHub(async ({ store, returns }) => {
    const answer = await returns.take(device, secret, { statement: statementOf() });
    assert.notEqual(answer, undefined);
    const row = await store.device(device);
    assert.deepEqual([row?.enrolledAt, row?.labels], [told, { site: "north" }]);
    assert.equal(await store.secretHash(device), sha256(secret));
  }));

test("neither the statement nor the secret is enough alone", () =>
  withHub(async ({ store, returns }) => {
    const statement = statementOf();
    assert.equal(await returns.take(device, "another secret", { statement }), undefined);
    assert.equal(await returns.take(device, secret, {}), undefined);
    assert.equal(await store.device(device), null);
  }));

test("a statement of another key, for another device, or of another type is worth nothing", () =>
  withHub(async ({ store, returns }) => {
    const stranger = createSigningKey();
    const labels = { site: "north" };
    const times = { enrolledAt: told, issuedAt: told };
    const forged = { device, secretHash: sha256(secret), labels, ...times };
    for (const statement of [
      sealStatement(forged, stranger),
      statementOf({ device: DeviceId.parse("pi-2") }),
      { ...statementOf(), payloadType: "application/vnd.metrica.fleet.memo.v1+json" },
      desiredOf(3),
    ]) {
      assert.equal(await returns.take(device, secret, { statement }), undefined);
    }
    assert.equal(await store.device(device), null);
  }));

test("an earlier identity does not come back beside a later one, and gives way where it came first", () =>
  withHub(async ({ store, returns, disconnected }) => {
    const later = statementOf({ secret: "a later secret", issuedAt: told + 1000 });
    await returns.take(device, secret, { statement: statementOf() });
    assert.notEqual(await returns.take(device, "a later secret", { statement: later }), undefined);
    assert.equal(await store.secretHash(device), sha256("a later secret"));
    assert.deepEqual(disconnected, [device]);
    assert.equal(await returns.take(device, secret, { statement: statementOf() }), undefined);
  }));

test("takes the desired state that the device holds for its own, and an older one never", () =>
  withHub(async ({ store, returns, adopted }) => {
    const statement = statementOf();
    await returns.take(device, secret, { statement, desired: desiredOf(7) });
    await returns.take(device, secret, { statement, desired: desiredOf(6) });
    const row = await store.desired(device);
    const { generation, issuedAt, ...content } = { generation: 7, issuedAt: told, ...row?.content };
    assert.deepEqual([row?.generation, row?.issuedAt], [generation, issuedAt]);
    assert.equal(row?.specHash, specHash(content as DesiredState));
    assert.equal(adopted.length, 1);
  }));

test("a desired state that another hub has signed is refused, and nothing is taken in", () =>
  withHub(async ({ store, returns, pause }) => {
    const desired = desiredOf(7, createSigningKey());
    const request = { statement: statementOf(), desired };
    await assert.rejects(returns.take(device, secret, request), { code: "envelope_invalid" });
    assert.equal(await store.device(device), null);
    assert.equal(pause.state(), null);
  }));

test("gives the device what its memo says: labels, mode and retries", () =>
  withHub(async ({ store, returns }) => {
    const memo = memoOf(told, { own });
    await returns.take(device, secret, { statement: statementOf(), memo });
    const row = await store.device(device);
    assert.deepEqual(row?.labels, { site: "south", shelf: "b" });
    assert.deepEqual([row?.mode, row?.modeReason, row?.retry], ["hold", "being moved", 3]);
    const south = await store.counts([{ key: "site", operator: "in", values: ["south"] }]);
    assert.equal(south.devices, 1);
  }));

test("an older memo changes nothing, and the same one twice neither", () =>
  withHub(async ({ store, returns }) => {
    const statement = statementOf();
    await returns.take(device, secret, { statement, memo: memoOf(told, { own }) });
    await store.changeDevices([{ id: device, mode: "run" }]);
    await returns.take(device, secret, { statement, memo: memoOf(told, { own }) });
    await returns.take(device, secret, { statement, memo: memoOf(told - 1, { own }) });
    assert.equal((await store.device(device))?.mode, "run");
  }));

test("a memo speaks for its own device only", () =>
  withHub(async ({ store, returns }) => {
    const other = DeviceId.parse("pi-2");
    await store.enrol(other, "0".repeat(64), {}, told);
    const foreign = { devices: [{ ...orders, id: other }] };
    const memo = memoOf(told, { own: foreign });
    await returns.take(device, secret, { statement: statementOf(), memo });
    assert.equal((await store.device(other))?.mode, "run");
  }));

test("the newest word on the whole fleet counts, whichever device brings it first", () =>
  withHub(async ({ store, returns }) => {
    const halt = (reason: string, version: number) => ({
      ...{ version, snapshots: [], revoked: [] },
      rows: { halts: [{ scope: "fleet", operator: "ada", reason, at: version }] },
    });
    const statement = statementOf();
    const newer = memoOf(told, { fleet: halt("newer", told + 5) });
    await returns.take(device, secret, { statement, memo: newer });
    const older = memoOf(told + 1, { fleet: halt("older", told) });
    await returns.take(device, secret, { statement, memo: older });
    assert.equal((await store.fleetHalt())?.reason, "newer");
  }));

test("an identity that was ended is refused, also when it was back before the word of it", () =>
  withHub(async ({ store, returns, disconnected }) => {
    const ended = DeviceId.parse("pi-2");
    const statement = statementOf({ device: ended });
    assert.notEqual(await returns.take(ended, secret, { statement }), undefined);
    const revoked = [{ device: ended, identityAt: told }];
    const fleet = { version: told, rows: {}, snapshots: [], revoked };
    const memo = memoOf(told, { fleet });
    await returns.take(device, secret, { statement: statementOf(), memo });
    assert.deepEqual(disconnected, [ended]);
    assert.equal(await store.secretHash(ended), "");
    assert.equal(await returns.take(ended, secret, { statement }), undefined);
  }));

test("a device with something newer than the store pauses the fleet before it is taken in", () =>
  withHub(async ({ store, pause, returns }) => {
    await store.enrol(device, sha256(secret), {}, told - 1000);
    await returns.take(device, secret, { desired: desiredOf(7) });
    assert.equal(pause.state()?.cause, "restored");
    const { rows } = await store.events({ reason: "FleetPaused", limit: 10 });
    assert.equal(rows.length, 1);
  }));

test("what was told before the fleet was resumed pauses it no more", () =>
  withHub(async ({ store, pause, returns }) => {
    await store.enrol(device, sha256(secret), {}, told - 1000);
    await pause.begin("restored", "an old copy");
    await pause.end("ada", "all are back");
    await returns.take(device, secret, { desired: desiredOf(7) });
    assert.equal(pause.state(), null);
    assert.equal((await store.desired(device))?.generation, 7);
  }));

test("a device that shows nothing new changes nothing", () =>
  withHub(async ({ store, pause, returns }) => {
    await store.enrol(device, sha256(secret), {}, told - 1000);
    const answer = await returns.take(device, secret, {});
    assert.notEqual(answer, undefined);
    assert.equal(pause.state(), null);
    assert.equal((await store.events({ limit: 10 })).rows.length, 0);
  }));
