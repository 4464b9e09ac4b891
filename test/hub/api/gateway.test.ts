import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "#shared/canonical.ts";
import { EnrolResponse } from "#shared/enrolment.ts";
import { Envelope } from "#shared/envelope.ts";
import { ReportResponse } from "#shared/gateway.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { addDevice, desiredRow, digestOf, reportedState, updateEntries } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, enrol, startMs, type World } from "./world.ts";

const test = suite("devices' own routes");
let world: World;
let directory: string;

test.before(async () => {
  world = await createWorld();
  directory = mkdtempSync(join(tmpdir(), "fleet-bundles-"));
  await addDevice(world, "pi-1");
  const path = join(directory, "first.tar");
  writeFileSync(path, "0123456789");
  world.bundles.set(digestOf("first"), { path, sizeBytes: 10 });
  world.bundles.set(digestOf("other"), { path, sizeBytes: 10 });
});
test.after(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

const pi1 = asDevice("pi-1");

test("a device gets its envelope under the tag of generation and hash", async () => {
  const row = desiredRow("pi-1" as (typeof world.disconnected)[0], 1);
  const response = await world.get("/v1/devices/pi-1/desired", pi1);
  assert.equal(response.headers.get("etag"), `"1-${row.specHash}"`);
  assert.equal(response.headers.get("content-type"), "application/json");
  const envelope = Envelope.parse(await response.json());
  const payload = JSON.parse(Buffer.from(envelope.payload, "base64").toString());
  assert.equal(payload.generation, 1);
});

test("an unchanged desired state is 304 without a body, a new one is not", async () => {
  const device = await addDevice(world, "pi-2");
  const first = await world.get("/v1/devices/pi-2/desired", asDevice("pi-2"));
  const headers = { ...asDevice("pi-2"), "If-None-Match": first.headers.get("etag") ?? "" };
  const same = await world.get("/v1/devices/pi-2/desired", headers);
  assert.deepEqual([same.status, await same.text()], [304, ""]);
  await world.store.saveDesired(desiredRow(device, 2, "second"));
  assert.equal((await world.get("/v1/devices/pi-2/desired", headers)).status, 200);
});

test("there is no desired state before the first", async () => {
  await enrol(world, "fresh");
  const response = await world.get("/v1/devices/fresh/desired", asDevice("fresh"));
  assert.equal(response.status, 404);
  assert.match(((await response.json()) as { detail: string }).detail, /no desired state yet/);
});

const beat = {
  bootId: "boot-1",
  generation: 1,
  specHash: "hash",
  at: startMs,
  heartbeatMs: 10_000,
};

test("a report is handed on and answered with the acknowledgement and the wanted tag", async () => {
  const entries = updateEntries({ attempt: "a", fromSeq: 1, steps: [], outcome: "succeeded" });
  const journal = { epoch: "epoch-1", from: 1, to: 2, entries };
  const report = { beat, journal, reported: reportedState("pi-1" as never) };
  const response = await world.post("/v1/devices/pi-1/report", report, pi1);
  assert.equal(response.status, 200);
  const { ack, desired } = ReportResponse.parse(await response.json());
  assert.deepEqual(ack, { epoch: "epoch-1", seq: 2 });
  assert.match(desired ?? "", /^"1-[0-9a-f]{64}"$/);
  assert.deepEqual(world.reports.at(-1), { device: "pi-1", report });
});

test("a bare heartbeat is acknowledged by nothing", async () => {
  const response = await world.post("/v1/devices/pi-1/report", { beat }, pi1);
  assert.equal(ReportResponse.parse(await response.json()).ack, undefined);
});

test("a report in another device's name is refused and handed to nobody", async () => {
  const before = world.reports.length;
  const report = { beat, reported: reportedState("pi-2" as never) };
  const response = await world.post("/v1/devices/pi-1/report", report, pi1);
  assert.equal(response.status, 400);
  assert.equal(world.reports.length, before);
});

const bundle = (headers: Record<string, string>, name = "first"): Promise<Response> =>
  world.get(`/v1/bundles/${digestOf(name)}`, headers);

test("a bundle comes whole, immutable and named by its digest", async () => {
  const response = await bundle(pi1);
  assert.equal(await response.text(), "0123456789");
  assert.equal(response.headers.get("etag"), `"${digestOf("first")}"`);
  assert.match(response.headers.get("cache-control") ?? "", /immutable/);
  assert.equal(response.headers.get("content-length"), "10");
  assert.equal(response.headers.get("accept-ranges"), "bytes");
});

for (const [range, content, contentRange] of [
  ["bytes=4-", "456789", "bytes 4-9/10"],
  ["bytes=0-0", "0", "bytes 0-0/10"],
  ["bytes=2-4", "234", "bytes 2-4/10"],
  ["bytes=8-99", "89", "bytes 8-9/10"],
  ["bytes=-3", "789", "bytes 7-9/10"],
  ["bytes=-99", "0123456789", "bytes 0-9/10"],
] as const) {
  test(`Range ${range} is answered with ${contentRange}`, async () => {
    const response = await bundle({ ...pi1, Range: range });
    assert.equal(response.status, 206);
    assert.equal(response.headers.get("content-range"), contentRange);
    assert.equal(response.headers.get("content-length"), String(content.length));
    assert.equal(await response.text(), content);
  });
}

for (const range of ["bytes=5-2", "bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=a-b"]) {
  test(`Range ${range} is ignored, as the RFC says`, async () => {
    const response = await bundle({ ...pi1, Range: range });
    assert.deepEqual([response.status, await response.text()], [200, "0123456789"]);
  });
}

for (const range of ["bytes=10-", "bytes=-0"]) {
  test(`Range ${range} is not satisfiable and the size is told`, async () => {
    const response = await bundle({ ...pi1, Range: range });
    assert.equal(response.status, 416);
    assert.equal(response.headers.get("content-range"), "bytes */10");
  });
}

test("a broken download goes on only with the same content", async () => {
  const same = { Range: "bytes=6-", "If-Range": `"${digestOf("first")}"` };
  assert.equal(await (await bundle({ ...pi1, ...same })).text(), "6789");
  const other = { Range: "bytes=6-", "If-Range": '"other"' };
  assert.equal(await (await bundle({ ...pi1, ...other })).text(), "0123456789");
});

test("HEAD tells a bundle's size and opens no stream", async () => {
  const path = `/v1/bundles/${digestOf("first")}`;
  const response = await world.app.request(path, { method: "HEAD", headers: pi1 });
  assert.equal(response.headers.get("content-length"), "10");
  assert.equal(await response.text(), "");
});

test("a device gets only bundles that its desired state names; an operator gets any", async () => {
  assert.equal((await bundle(pi1, "other")).status, 403);
  assert.equal((await bundle(asOperator, "other")).status, 200);
  assert.equal((await bundle(asOperator, "unknown")).status, 404);
  assert.equal((await bundle({}, "first")).status, 401);
});

const request = (token: string, device: string, nonce = "n".repeat(16)) => {
  return { token, device, nonce, labels: { site: "north" } };
};

async function makeToken(body: object): Promise<string> {
  const response = await world.post("/v1/enrollment-tokens", body, asOperator);
  assert.equal(response.status, 201);
  return ((await response.json()) as { token: string }).token;
}

test("a token enrols one device, which can then speak", async () => {
  const token = await makeToken({});
  const response = await world.post("/v1/enroll", request(token, "new-1"));
  assert.equal(response.status, 201);
  const identity = EnrolResponse.parse(await response.json());
  assert.equal(identity.mqttUrl, "mqtt://127.0.0.1:1883");
  assert.deepEqual(identity.hubKeys, [world.key.publicPem]);
  const headers = asDevice("new-1", identity.secret);
  assert.equal((await world.post("/v1/devices/new-1/report", { beat }, headers)).status, 200);
  assert.deepEqual((await world.store.device("new-1" as never))?.agentLabels, { site: "north" });
  assert.deepEqual(world.disconnected, ["new-1"]);
  const second = await world.post("/v1/enroll", request(token, "new-2"));
  assert.equal(second.status, 403);
});

test("a lost answer costs nothing: the same nonce gets the same secret, however late the other answer comes", async () => {
  const token = await makeToken({});
  const ask = async () =>
    EnrolResponse.parse(await (await world.post("/v1/enroll", request(token, "new-3"))).json());
  const [first, second, late] = await Promise.all([ask(), ask(), ask()]);
  assert.deepEqual([second.secret, late.secret], [first.secret, first.secret]);
  const known = await world.get("/v1/devices/new-3/desired", asDevice("new-3", first.secret));
  assert.equal(known.status, 404);
  const stolen = await world.post("/v1/enroll", request(token, "new-3", "m".repeat(16)));
  assert.equal(stolen.status, 403);
});

test("another token or another device gets another secret, and one is as long as a key", async () => {
  const ask = async (device: string) => {
    const body = request(await makeToken({ device }), device);
    return EnrolResponse.parse(await (await world.post("/v1/enroll", body)).json()).secret;
  };
  const secrets = [await ask("new-7"), await ask("new-7"), await ask("new-8")];
  assert.equal(new Set(secrets).size, 3);
  for (const secret of secrets) assert.equal(Buffer.from(secret, "base64url").length, 32);
});

test("a token for one device enrols no other, and none after its time", async () => {
  const bound = await makeToken({ device: "new-4" });
  assert.equal((await world.post("/v1/enroll", request(bound, "new-5"))).status, 403);
  assert.equal((await world.post("/v1/enroll", request(bound, "new-4"))).status, 201);
  const short = await makeToken({ ttlSeconds: 60 });
  world.clock.advance(61_000);
  const late = await world.post("/v1/enroll", request(short, "new-6"));
  assert.equal(((await late.json()) as { code: string }).code, "token_invalid");
});

test("no device may take the operators' name, and its token is not spent by trying", async () => {
  const token = await makeToken({});
  const refused = await world.post("/v1/enroll", request(token, "operator"));
  assert.equal(refused.status, 400);
  assert.match(((await refused.json()) as { detail: string }).detail, /operators' MQTT user name/);
  const bound = { device: "operator" };
  const unbound = await world.post("/v1/enrollment-tokens", bound, asOperator);
  assert.equal(unbound.status, 400);
  assert.equal((await world.post("/v1/enroll", request(token, "operator-1"))).status, 201);
});

test("a token lasts a day at most, and unknown wishes are refused", async () => {
  const tooLong = await world.post("/v1/enrollment-tokens", { ttlSeconds: 86_401 }, asOperator);
  assert.equal(tooLong.status, 400);
  const unknown = await world.post("/v1/enrollment-tokens", { role: "admin" }, asOperator);
  assert.equal(unknown.status, 400);
});

test("guessing tokens is told to wait and forgiven with time; a good token is taken meanwhile", async () => {
  const guess = async () =>
    (await world.post("/v1/enroll", request("guess-guess-guess", "new-7"))).status;
  const answers: number[] = [];
  for (let n = 0; n < 25; n += 1) answers.push(await guess());
  assert.equal(answers.at(-1), 429);
  // Behind a proxy all devices have one address.
  const good = await makeToken({});
  assert.equal((await world.post("/v1/enroll", request(good, "new-10"))).status, 201);
  world.clock.advance(60_000);
  assert.equal(await guess(), 403);
});

test("a redemption that was heard on the way brings no identity back that was replaced or ended", async () => {
  const device = "new-11";
  world.clock.advance(3_600_000);
  const first = request(await makeToken({ device }), device);
  assert.equal((await world.post("/v1/enroll", first)).status, 201);
  world.clock.advance(1000);
  const second = request(await makeToken({ device }), device, "another-nonce-of-new-11");
  const answer = await world.post("/v1/enroll", second);
  const { secret } = (await answer.json()) as { secret: string };
  world.clock.advance(1000);
  assert.equal((await world.post("/v1/enroll", first)).status, 403);
  assert.equal(await world.store.secretHash(device as DeviceId), sha256(secret));
  // An answer that was lost is given again all the same.
  assert.equal((await world.post("/v1/enroll", second)).status, 201);
});
