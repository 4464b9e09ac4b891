import * as assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contexts, createContextFile } from "#hub/cli/session/contexts.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { baseOf, targetOf } from "#hub/cli/session/target.ts";
import { suite } from "#test/suite.ts";

const test = suite("session of the command");

const contexts: Contexts = {
  current: "live",
  contexts: {
    live: { url: "https://live.example.org", token: "live-token" },
    test: { url: "http://127.0.0.1:7080", token: "test-token" },
  },
};
const nobody: Contexts = { current: null, contexts: {} };

test("the environment goes before the context in use, and a named context before both", () => {
  assert.deepEqual(targetOf({}, contexts, undefined), contexts.contexts["live"]);
  assert.deepEqual(targetOf({ FLEET_TOKEN: "own" }, contexts, undefined), {
    url: "https://live.example.org",
    token: "own",
  });
  const env = { FLEET_HUB: "http://other:1", FLEET_TOKEN: "own" };
  assert.deepEqual(targetOf(env, nobody, undefined), { url: "http://other:1", token: "own" });
  assert.deepEqual(targetOf(env, contexts, "test"), contexts.contexts["test"]);
});

test("a context's token goes to no other hub than its own", () => {
  const env = { FLEET_HUB: "http://127.0.0.1:7080/" };
  assert.equal(targetOf(env, contexts, undefined).token, "test-token");
  assert.throws(
    () => targetOf({ FLEET_HUB: "https://evil.example.org" }, contexts, undefined),
    /no token for the hub at https:\/\/evil\.example\.org is known/,
  );
});

test("without a hub the error says how to sign in", () => {
  assert.throws(() => targetOf({}, nobody, undefined), {
    code: "unauthenticated",
    hint: /fleet login URL/,
  });
  assert.throws(() => targetOf({}, contexts, "liev"), { hint: "Did you mean live?" });
});

test("an address is brought to one form, and what is none is refused", () => {
  assert.equal(baseOf("hub.example.org:7080"), "http://hub.example.org:7080");
  assert.equal(baseOf("https://Hub.example.org/fleet/"), "https://hub.example.org/fleet");
  for (const text of ["", "ftp://hub", "http://", "https://user:pass@hub"]) {
    assert.throws(() => baseOf(text), /is not the address of a hub/, text);
  }
});

test("near names are found: neighbours that changed places, a missing sign, a beginning", () => {
  assert.deepEqual(nearest("gte", ["get", "wait"]), ["get"]);
  assert.deepEqual(nearest("pi-nroth-1", ["pi-north-1", "pi-south-1"]), ["pi-north-1"]);
  assert.deepEqual(nearest("pi-nor", ["pi-north-2", "pi-north-1"]), ["pi-north-1", "pi-north-2"]);
  assert.deepEqual(nearest("PI-North-1", ["pi-north-1"]), ["pi-north-1"]);
  assert.deepEqual(nearest("zzz", ["pi-1"]), []);
});

test("the file of contexts is its owner's alone, and one that others can read is refused", async () => {
  const home = await mkdtemp(join(tmpdir(), "fleet-contexts-"));
  try {
    const file = createContextFile({ XDG_CONFIG_HOME: home });
    assert.deepEqual(await file.read(), nobody);
    await file.write(contexts);
    assert.equal((await stat(file.path)).mode & 0o777, 0o600);
    assert.deepEqual(await file.read(), contexts);
    assert.match(await readFile(file.path, "utf8"), /live-token/);
    await chmod(file.path, 0o644);
    await assert.rejects(() => file.read(), { code: "config_invalid", hint: /^Run: chmod 600 / });
    await chmod(file.path, 0o600);
    for (const text of ["", "{", "[]", '{"current":1,"contexts":{}}', '{"contexts":{"a":{}}}']) {
      await writeFile(file.path, text);
      await assert.rejects(() => file.read(), /is not as `fleet login` writes it/, text);
    }
  } finally {
    await rm(home, { recursive: true });
  }
});

test("a file that cannot be read or written says so, with what to do instead", async () => {
  const home = await mkdtemp(join(tmpdir(), "fleet-contexts-"));
  try {
    const file = createContextFile({ XDG_CONFIG_HOME: home });
    await mkdir(file.path, { recursive: true, mode: 0o700 });
    const refusal = { code: "config_invalid", hint: /FLEET_HUB and FLEET_TOKEN/ };
    await assert.rejects(() => file.read(), { ...refusal, message: /cannot be read \(EISDIR\)/ });
    await assert.rejects(() => file.write(contexts), { ...refusal, message: /cannot be written/ });
    await writeFile(join(home, "file"), "");
    const below = createContextFile({ XDG_CONFIG_HOME: join(home, "file") });
    await assert.rejects(() => below.write(contexts), { ...refusal, message: /\(ENOTDIR\)/ });
  } finally {
    await rm(home, { recursive: true });
  }
});
