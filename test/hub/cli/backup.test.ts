// `fleet backup`, `restore` and `resume` as a person uses them: what they write, refuse and leave alone.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { operatorToken } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet backup, restore and resume", { limitMs: 240_000 });
const root = mkdtempSync(join(tmpdir(), "fleet-backup-verb-"));
const file = join(root, "hub.tar.gz");
let world: CommandWorld;

test.before(async () => {
  const directory = join(root, "hub");
  await loadSigningKey(directory);
  writeFileSync(join(directory, "operator.token"), operatorToken, { mode: 0o600 });
  world = await createCommandWorld({ directory });
  await addThreeDevices(world);
});
test.after(async () => {
  await world.close();
  rmSync(root, { recursive: true });
});

const partial = (): string[] => readdirSync(root).filter((name) => /tmp|part/.test(name));

test("a backup is one file for its owner alone, whose name is all that goes to stdout", async () => {
  const { code, stdout, stderr } = await world.fleet(["backup", file]);
  assert.deepEqual([code, stdout], [0, `${file}\n`], stderr);
  assert.match(stderr, /^Checked: 3 devices as of \d{4}-/m);
  assert.doesNotMatch(stderr, /Without its keys/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(partial(), []);
});

test("a file that is there is taken for nothing but --force", async () => {
  const other = join(root, "other.tar.gz");
  writeFileSync(other, "precious");
  const refused = await world.fleet(["backup", other]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /other\.tar\.gz is there already[\s\S]*--force/);
  assert.equal(readFileSync(other, "utf8"), "precious");
  const forced = await world.fleet(["backup", other, "--force", "--without-keys"]);
  assert.equal(forced.code, 0);
  assert.match(forced.stderr, /^Without its keys: keep signing-key\.pem elsewhere/m);
  assert.notEqual(readFileSync(other, "utf8"), "precious");
});

test("who has no token gets no file, not even a part of one", async () => {
  const env = { FLEET_TOKEN: "wrong-token-of-nobody-at-all" };
  const { code } = await world.fleet(["backup", join(root, "none.tar.gz")], { env });
  assert.equal(code, 4);
  assert.deepEqual(readdirSync(root).toSorted(), ["hub", "hub.tar.gz", "other.tar.gz"]);
});

/** A hub that begins to send a backup, and then does what it is told to do with the answer. */
async function withSlowHub<T>(
  after: (response: ServerResponse) => void,
  act: (hub: { url: string; asked: () => number }) => Promise<T>,
): Promise<T> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.writeHead(200, { "content-type": "application/gzip" });
    response.write("begun", () => after(response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    return await act({ url: `http://127.0.0.1:${port}`, asked: () => asked });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("under npm a file is named from where the person is, and not from the project", async () => {
  const env = { npm_lifecycle_event: "fleet", INIT_CWD: root };
  const { code, stdout, stderr } = await world.fleet(["backup", "here.tar.gz"], { env });
  assert.deepEqual([code, stdout], [0, `${join(root, "here.tar.gz")}\n`], stderr);
  rmSync(join(root, "here.tar.gz"));
});

test("what is ended by Ctrl-C leaves no part of the hub's keys behind", async () => {
  const scratch = join(root, "scratch");
  mkdirSync(scratch);
  await withSlowHub(
    () => undefined,
    async ({ url }) => {
      const env = { FLEET_HUB: url, TMPDIR: scratch };
      const command = world.start(["backup", join(scratch, "cut.tar.gz")], { env });
      while (!readdirSync(scratch).some((name) => name.startsWith("cut.tar.gz"))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      command.child.kill("SIGINT");
      const { stdout } = await command.ended;
      assert.deepEqual([command.child.signalCode, stdout], ["SIGINT", ""]);
    },
  );
  assert.deepEqual(readdirSync(scratch), []);
  rmSync(scratch, { recursive: true });
});

test("a directory that is not there is refused before the hub has any work", async () => {
  await withSlowHub(
    () => undefined,
    async ({ url, asked }) => {
      const words = ["backup", join(root, "nowhere", "hub.tar.gz")];
      const { code, stderr } = await world.fleet(words, { env: { FLEET_HUB: url } });
      assert.equal(code, 2);
      assert.match(stderr, /nothing can be written in .*nowhere \(ENOENT\)\nName a file in/);
      assert.equal(asked(), 0);
    },
  );
});

test("a hub that stops in the middle is no fault of the command, and nothing is kept", async () => {
  await withSlowHub(
    (response) => response.destroy(),
    async ({ url }) => {
      const words = ["backup", join(root, "half.tar.gz")];
      const { code, stderr } = await world.fleet(words, { env: { FLEET_HUB: url } });
      assert.equal(code, 3);
      assert.match(stderr, /^Error: the hub ended the backup in its middle/m);
    },
  );
  assert.deepEqual(partial(), []);
});

test("a restore makes a hub's directory and says what to do next", async () => {
  const data = join(root, "restored");
  const { code, stdout, stderr } = await world.fleet(["restore", file, "--data", data]);
  assert.deepEqual([code, stdout], [0, `${data}\n`], stderr);
  assert.match(stderr, /^Restored: 3 devices as of /m);
  assert.match(
    stderr,
    /^ {2}1\. Start the hub with --data .*\n {2}2\. Wait .*\n {2}3\. .*fleet resume/m,
  );
  assert.deepEqual(readdirSync(data).toSorted(), ["hub.db", "operator.token", "signing-key.pem"]);
  const again = await world.fleet(["restore", file, "--data", data]);
  assert.equal(again.code, 8);
  assert.match(again.stderr, /is not empty: it holds hub\.db[\s\S]*another directory/);
});

test("a spoilt or missing backup is refused, and the directory stays as it was", async () => {
  const data = join(root, "empty");
  mkdirSync(data);
  const cut = join(root, "cut.tar.gz");
  writeFileSync(cut, readFileSync(file).subarray(0, -1000));
  const spoilt = await world.fleet(["restore", cut, "--data", data]);
  assert.equal(spoilt.code, 2);
  assert.match(spoilt.stderr, /cut\.tar\.gz is no whole backup of a hub[\s\S]*Take another backup/);
  const missing = await world.fleet(["restore", join(root, "nothing"), "--data", data]);
  assert.equal(missing.code, 5);
  assert.deepEqual(readdirSync(data), []);
});

test("resume looks, ends the pause with a reason, and finds nothing to end the second time", async () => {
  assert.equal((await world.fleet(["resume"])).stdout, "not paused\n");
  await world.pause.begin("restored", "the hub was restored from a backup");
  const look = await world.fleet(["resume"]);
  assert.match(look.stdout, /^paused since \d{4}-/);
  assert.match(look.stderr, /^Why: the hub was restored from a backup$/m);
  assert.match(look.stderr, /^\d of 3 known devices have spoken since\.$/m);
  assert.notEqual(world.pause.state(), null);
  const done = await world.fleet(["resume", "--reason", "all are back"]);
  assert.deepEqual([done.code, done.stdout], [0, "fleet resumed\n"]);
  assert.equal(world.pause.state(), null);
  const again = await world.fleet(["resume", "--reason", "all are back"]);
  assert.equal(again.code, 8);
  assert.match(again.stderr, /the fleet is not paused/);
});
