import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { operatorToken } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, commandLine, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: signing in", { limitMs: 240_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
});
test.after(() => world.close());

const nothing = { FLEET_HUB: "", FLEET_TOKEN: "" };

test("a token by stdin is proved and kept for its owner alone; a wrong one is not kept", async () => {
  const wrong = await world.fleet(["login", world.url], { env: nothing, input: "wrong\n" });
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /Sign in again/);
  const none = await world.fleet(["get", "devices"], { env: nothing });
  assert.equal(none.code, 4);
  assert.match(none.stderr, /no hub is known yet\nSign in with: fleet login URL/);
  const good = await world.fleet(["login", world.url], {
    env: nothing,
    input: `${operatorToken}\n`,
  });
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stderr, /^Signed in to .* 3 devices\.$/m);
  assert.ok(!(good.stdout + good.stderr).includes(operatorToken));
  const file = join(world.home, ".config/metrica-fleet/config.json");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const listed = await world.fleet(["get", "devices", "-o", "name"], { env: nothing });
  assert.equal(listed.stdout, "device/pi-1\ndevice/pi-2\ndevice/pi-3\n");
});

test("several hubs are kept by name; one is in use, and can be removed with its token", async () => {
  const tokenFile = join(world.home, "token");
  await writeFile(tokenFile, `${operatorToken}\n`);
  const words = ["login", world.url, "--context", "second", "--token-file", tokenFile];
  assert.equal((await world.fleet(words, { env: nothing })).code, 0);
  const listed = await world.fleet(["contexts"], { env: nothing });
  assert.match(listed.stdout, /^\* +second +http/m);
  await world.fleet(["contexts", "use", new URL(world.url).host], { env: nothing });
  assert.equal((await world.fleet(["contexts", "remove", "second"], { env: nothing })).code, 0);
  const text = await readFile(join(world.home, ".config/metrica-fleet/config.json"), "utf8");
  assert.deepEqual(Object.keys(JSON.parse(text).contexts), [new URL(world.url).host]);
  const gone = await world.fleet(["get", "devices", "--context", "second"], { env: nothing });
  assert.equal(gone.code, 2);
  const missing = await world.fleet(["login", world.url, "--token-file", "/nowhere"]);
  assert.equal(missing.code, 2);
  const closed = await world.fleet(["login", world.url, "--token-file", world.home]);
  assert.equal(closed.code, 2);
  assert.match(closed.stderr, /cannot be read \(EISDIR\)\n.*sudo cat FILE \| fleet login URL\n$/);
});

/** Runs the command on a terminal and types the answers, each when its question stands there. */
async function onTerminal(
  words: string,
  env: Record<string, string>,
  answers: [question: RegExp, keys: string][],
): Promise<{ shown: string; code: number | null }> {
  const command = `${commandLine.join(" ")} ${words}`;
  const child = spawn("script", ["-qefc", command, "/dev/null"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      SHELL: "/bin/sh",
      HOME: world.home,
      NO_COLOR: "1",
      ...env,
    },
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const [question, keys] = answers[0] ?? [];
    if (question?.test(shown) !== true) return;
    answers.shift();
    child.stdin.write(keys ?? "");
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { shown: stripVTControlCharacters(shown).replaceAll("\r", ""), code };
}

test.real("script", "a token that is typed is not shown, and the backspace works", async () => {
  const typed = `x\u007F${operatorToken}\r`;
  const { shown, code } = await onTerminal(`login ${world.url} --context typed`, {}, [
    [/Token: /, typed],
  ]);
  assert.equal(code, 0, shown);
  assert.match(shown, /^Token: \nSigned in to/);
  assert.ok(!shown.includes(operatorToken));
  const stopped = await onTerminal(`login ${world.url}`, {}, [[/Token: /, "abc\u0003"]]);
  assert.equal(stopped.code, 130);
  assert.ok(!stopped.shown.includes("abc"));
});

test.real(
  "script",
  "an order to many asks on a terminal: no does nothing, yes does it",
  async () => {
    const env = { FLEET_HUB: world.url, FLEET_TOKEN: operatorToken };
    const order = "hold -l site=south --reason x";
    const no = await onTerminal(order, env, [[/\[y\/N\] /, "\r"]]);
    assert.equal(no.code, 7);
    assert.match(
      no.shown,
      /2 devices to hold:\n {2}pi-2\n {2}pi-3\nReally hold all 2\? \[y\/N\] \n*Nothing was done\./,
    );
    const yes = await onTerminal(order, env, [[/\[y\/N\] /, "y\r"]]);
    assert.equal(yes.code, 0);
    assert.match(yes.shown, /device\/pi-2 held/);
    const stopped = await onTerminal(order, env, [[/\[y\/N\] /, "\u0003"]]);
    assert.equal(stopped.code, 130);
  },
);
