// The route that makes a backup: who may have one, what is in it, and that each one ends.
import * as assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBackup } from "#hub/backup/open.ts";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { addDevice } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, operatorToken, startMs, type World } from "./world.ts";

const test = suite("the route of backups");
const root = mkdtempSync(join(tmpdir(), "fleet-api-backup-"));
const directory = join(root, "hub");
let world: World;

test.before(async () => {
  await loadSigningKey(directory);
  writeFileSync(join(directory, "operator.token"), operatorToken, { mode: 0o600 });
  world = await createWorld({ directory });
  await addDevice(world, "pi-1");
  await addDevice(world, "pi-2");
});
test.after(async () => {
  await world.close();
  rmSync(root, { recursive: true });
});

const make = (body: unknown = { keys: true }, headers: Record<string, string> = asOperator) =>
  world.post("/v1/backup", body, headers);

async function unpacked(response: Response) {
  const file = join(root, "backup.tar.gz");
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
  return openBackup(file, mkdtempSync(join(root, "place-")));
}

const left = (): string[] => readdirSync(directory).filter((name) => name.includes("tmp"));

/** What a stream lay in is removed a moment after its end. */
async function untilNothingIsLeft(): Promise<void> {
  while (left().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

test("an operator gets a whole backup with its keys, under a name that says when", async () => {
  const response = await make();
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/gzip");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const name = /^attachment; filename="fleet-2026-01-05T120000\.000Z\.tar\.gz"$/;
  assert.match(response.headers.get("content-disposition") ?? "", name);
  const manifest = await unpacked(response);
  assert.deepEqual([manifest.devices, manifest.at], [2, startMs]);
  const names = manifest.files.map((one) => one.name);
  assert.deepEqual(names, ["hub.db", "signing-key.pem", "operator.token"]);
  await untilNothingIsLeft();
});

test("keys stay where they are when they are not wanted", async () => {
  const manifest = await unpacked(await make({ keys: false }));
  const names = manifest.files.map(({ name }) => name);
  assert.deepEqual(names, ["hub.db"]);
  await untilNothingIsLeft();
});

test("each one is an event that names who took it, and whether the keys went along", async () => {
  const { rows } = await world.store.events({ reason: "BackupTaken", limit: 10 });
  assert.deepEqual(
    rows.map(({ message }) => message),
    [
      "admin took a backup of the hub, without its keys",
      "admin took a backup of the hub, with its keys",
    ],
  );
});

test("nobody but an operator gets one", async () => {
  const before = (await world.store.events({ limit: 100 })).rows.length;
  for (const headers of [{}, asDevice("pi-1"), { Authorization: "Bearer wrong" }]) {
    assert.deepEqual(await codeOf(await make({ keys: true }, headers)), [401, "unauthenticated"]);
  }
  const cookie = `fleet_session=${world.sessions.open("admin")}`;
  const foreign = await make({ keys: true }, { Cookie: cookie, Origin: "https://evil.example" });
  assert.deepEqual(await codeOf(foreign), [403, "forbidden"]);
  assert.equal((await world.store.events({ limit: 100 })).rows.length, before);
  assert.deepEqual(left(), []);
});

test("a body that says something else is refused before anything is made", async () => {
  for (const body of [{}, { keys: "yes" }, { keys: true, key: true }, [], null]) {
    assert.deepEqual(await codeOf(await make(body)), [400, "request_invalid"]);
  }
  // A body that is absent, or not called JSON as from `curl -d`, must not count as a yes to the keys.
  const request = { method: "POST", headers: asOperator };
  assert.equal((await world.app.request("/v1/backup", request)).status, 400);
  const unnamed = { ...request, body: '{"keys":false}' };
  assert.equal((await world.app.request("/v1/backup", unnamed)).status, 415);
  assert.deepEqual(left(), []);
});

test("while one is on its way another is refused; a reader that goes away makes room", async () => {
  const first = await make();
  assert.deepEqual(await codeOf(await make()), [409, "state_conflict"]);
  await first.body?.cancel();
  await untilNothingIsLeft();
  assert.equal((await unpacked(await make())).devices, 2);
  await untilNothingIsLeft();
});

test("one that could not be recorded is not given out, and leaves room for the next", async () => {
  const { addEvents } = world.store;
  world.store.addEvents = () =>
    Promise.reject(new FleetError("store_unavailable", { message: "the disk is full" }));
  try {
    assert.deepEqual(await codeOf(await make()), [503, "store_unavailable"]);
  } finally {
    world.store.addEvents = addEvents;
  }
  await untilNothingIsLeft();
  assert.equal((await unpacked(await make())).devices, 2);
  await untilNothingIsLeft();
});

test("a key that is missing is said, and nothing is left behind", async () => {
  rmSync(join(directory, "operator.token"));
  const response = await make();
  assert.equal(response.status >= 400, true);
  await untilNothingIsLeft();
  assert.equal((await unpacked(await make({ keys: false }))).devices, 2);
  await untilNothingIsLeft();
});
