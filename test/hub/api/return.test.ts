// The route by which devices return: who is believed, and what wrong tries cost.
import * as assert from "node:assert/strict";
import { sealStatement } from "#hub/enrol/statement.ts";
import { sha256 } from "#shared/canonical.ts";
import type { DesiredState } from "#shared/desired.ts";
import { type Envelope, sealDesired } from "#shared/envelope.ts";
import { ReturnResponse } from "#shared/gateway.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { createSigningKey } from "#test/support/signing_key.ts";
import { asDevice, asOperator, createWorld, enrol, startMs, type World } from "./world.ts";

const test = suite("the route of devices that return");
let world: World;
test.before(async () => {
  world = await createWorld();
});
test.after(() => world.close());

const give = (id: string, body: unknown, headers: Record<string, string>): Promise<Response> =>
  world.post(`/v1/devices/${id}/return`, body, headers);

function statementFor(id: string, key = world.key): Envelope {
  const secretHash = sha256(`secret-of-${id}`);
  const times = { enrolledAt: startMs, issuedAt: startMs };
  return sealStatement({ device: id as DeviceId, secretHash, labels: {}, ...times }, key);
}

function desiredFor(id: string, generation: number, key = world.key): Envelope {
  const times = { generation, issuedAt: startMs + generation };
  const desired: DesiredState = { device: id as DeviceId, mode: "run", apps: [], ...times };
  return sealDesired(desired, key.privateKey, key.id);
}

async function refused(response: Response, status: number, code: string): Promise<void> {
  const problem = (await response.json()) as { code: string };
  assert.deepEqual([response.status, problem.code], [status, code]);
}

test("a device that the hub has lost is known again, and gets a statement to keep; twice is as once", async () => {
  const statement = statementFor("pi-1");
  const first = await give("pi-1", { statement }, asDevice("pi-1"));
  assert.equal(first.status, 200);
  const { statement: kept } = ReturnResponse.parse(await first.json());
  const second = await give("pi-1", { statement: kept }, asDevice("pi-1"));
  assert.deepEqual(ReturnResponse.parse(await second.json()).statement, kept);
  const { rows } = await world.store.events({ reason: "DeviceReturned", limit: 10 });
  assert.equal(rows.length, 1);
  assert.equal((await world.get("/v1/devices/pi-1", asOperator)).status, 200);
});

test("a device that was enrolled before there were statements gets its first", async () => {
  await enrol(world, "pi-2");
  const response = await give("pi-2", {}, asDevice("pi-2"));
  const { statement } = ReturnResponse.parse(await response.json());
  // Worth something to a hub that begins anew with this key.
  const said = JSON.parse(Buffer.from(statement.payload, "base64").toString()) as {
    secretHash: string;
  };
  assert.equal(said.secretHash, sha256("secret-of-pi-2"));
});

test("neither strangers, nor operators, nor other devices are taken back", async () => {
  const statement = statementFor("pi-9");
  const wrong: Record<string, string>[] = [
    ...[{}, asOperator, asDevice("pi-9", "guessed"), asDevice("pi-1"), asDevice("")],
    { Authorization: "Basic !!!" },
  ];
  for (const headers of wrong) {
    const response = await give("pi-9", { statement }, headers);
    assert.match(response.headers.get("www-authenticate") ?? "", /^Basic realm="metrica-fleet"/);
    await refused(response, 401, "unauthenticated");
  }
  const foreign = { statement: statementFor("pi-9", createSigningKey()) };
  await refused(await give("pi-9", foreign, asDevice("pi-9")), 401, "unauthenticated");
  await refused(await give("pi-9", {}, asDevice("pi-9")), 401, "unauthenticated");
  assert.equal(await world.store.device("pi-9" as DeviceId), null);
});

test("what is no return is refused in words, and changes nothing", async () => {
  const statement = statementFor("pi-9");
  for (const body of [
    { statement: "it is me" },
    { statement: { ...statement, payload: "%" } },
    7,
  ]) {
    await refused(await give("pi-9", body, asDevice("pi-9")), 400, "request_invalid");
  }
  const long = { statement, memo: { ...statement, payload: "A".repeat(2 ** 20) } };
  await refused(await give("pi-9", long, asDevice("pi-9")), 413, "message_too_large");
  await refused(await give("NOBODY!", {}, asDevice("pi-9")), 400, "request_invalid");
  const unsigned = { statement, desired: desiredFor("pi-9", 7, createSigningKey()) };
  await refused(await give("pi-9", unsigned, asDevice("pi-9")), 400, "envelope_invalid");
  assert.equal(await world.store.device("pi-9" as DeviceId), null);
  assert.equal(world.pause.state(), null);
});

test("a higher generation in the hub's own hand pauses the fleet; the same again is no news", async () => {
  const desired = desiredFor("pi-2", 7);
  assert.equal((await give("pi-2", { desired }, asDevice("pi-2"))).status, 200);
  assert.equal((await world.store.desired("pi-2" as DeviceId))?.generation, 7);
  const pause = await (await world.get("/v1/fleet/pause", asOperator)).json();
  const { cause, reason } = pause as { cause: string; reason: string };
  assert.equal(cause, "restored");
  assert.match(reason, /^pi-2 holds what this hub told it at /);
  world.clock.advance(60_000);
  await world.pause.end("admin", "all are back");
  for (const again of [desired, desiredFor("pi-2", 6)]) {
    assert.equal((await give("pi-2", { desired: again }, asDevice("pi-2"))).status, 200);
  }
  assert.equal(world.pause.state(), null);
  assert.equal((await world.store.desired("pi-2" as DeviceId))?.generation, 7);
});

test("another device's desired state is not taken for this one's", async () => {
  const desired = desiredFor("pi-2", 9);
  assert.equal((await give("pi-1", { desired }, asDevice("pi-1"))).status, 200);
  assert.equal(await world.store.desired("pi-1" as DeviceId), null);
});

test("twenty wrong tries from one address are told to wait; a good one among them is taken at once", async () => {
  world.clock.advance(3_600_000);
  for (let tries = 0; tries < 30; tries += 1) {
    assert.equal((await give("pi-2", {}, asDevice("pi-2"))).status, 200);
  }
  for (let tries = 0; tries < 20; tries += 1) {
    await refused(await give("pi-2", {}, asDevice("pi-2", "wrong")), 401, "unauthenticated");
  }
  const closed = await give("pi-2", {}, asDevice("pi-2", "wrong"));
  assert.equal(closed.headers.get("retry-after"), "60");
  await refused(closed, 429, "rate_limited");
  // Behind a proxy all devices have one address.
  assert.equal((await give("pi-2", {}, asDevice("pi-2"))).status, 200);
  world.clock.advance(3000);
  await refused(await give("pi-2", {}, asDevice("pi-2", "wrong")), 401, "unauthenticated");
});
