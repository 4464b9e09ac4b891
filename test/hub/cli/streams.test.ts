import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { addDevice } from "#test/hub/api/fixtures.ts";
import { operatorToken } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, commandLine, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: pipes, terminals and shells", { limitMs: 240_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
});
test.after(() => world.close());

test("completion gives verbs, kinds, flags and the names of devices", async () => {
  const complete = async (...words: string[]): Promise<string> =>
    (await world.fleet(["__complete", "--", ...words])).stdout.trim().replaceAll("\n", " ");
  assert.equal(await complete("de"), "describe");
  assert.equal(await complete("get", "de"), "deployments devices");
  assert.equal(await complete("describe", "device", "pi-"), "pi-1 pi-2 pi-3");
  assert.equal(await complete("safe-mode", ""), "enter leave");
  assert.equal(await complete("get", "--fi"), "--field-selector");
  assert.equal(await complete("nothing", ""), "");
  assert.equal(await complete("logs", "pi-"), "pi-1 pi-2 pi-3");
  assert.equal(await complete("rollout", "status", ""), "web");
  assert.equal(await complete("history", "deployment", ""), "web");
  assert.equal(await complete("get", "sites", ""), "north south");
  assert.equal(await complete("run", "re"), "reboot repave-join");
  assert.equal(await complete("run", "reboot", "pi-"), "pi-1 pi-2 pi-3");
  assert.equal(await complete("contexts", "use", ""), "");
});

/** Through bash, as a person would. */
async function shell(line: string, env: Record<string, string> = {}): Promise<string> {
  const base = { PATH: process.env["PATH"] ?? "", HOME: world.home };
  const own = { ...base, FLEET_HUB: world.url, FLEET_TOKEN: operatorToken, ...env };
  const script = `fleet() { ${commandLine.join(" ")} "$@"; }; export -f fleet; ${line}`;
  const child = spawn("bash", ["-c", script], { env: own, stdio: ["ignore", "pipe", "pipe"] });
  let all = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (all += part));
  await new Promise((resolve) => child.on("close", resolve));
  return all;
}

test("bash completes with the script", async () => {
  const asked = "COMP_WORDS=(fleet get devi); COMP_CWORD=2; _fleet";
  const all = await shell(`source <(fleet completion bash); ${asked}; echo "${"${COMPREPLY[@]}"}"`);
  assert.equal(all, "devices\n");
});

test("a reader that goes away ends the command without a word", async () => {
  for (let n = 0; n < 150; n += 1)
    await addDevice(world, `many-${n}`, { labels: { site: "many" } });
  const all = await shell(
    "fleet get devices -o json | head -c 20 >/dev/null; echo ${PIPESTATUS[0]}",
  );
  assert.equal(all, "141\n");
});

test("output that cannot be written is an error with a code of its own, and no stack", async () => {
  const all = await shell("fleet get devices -o json >/dev/full; echo $?");
  assert.match(all, /^Error: ENOSPC: no space left on device, write\n8\n$/);
});

test("FORCE_COLOR colours a pipe, and NO_COLOR goes before it", async () => {
  const colour = await world.fleet(["get", "devices", "pi-1"], { env: { FORCE_COLOR: "1" } });
  assert.ok(colour.stdout.includes("\u001B[32mSynced\u001B[0m"));
  const none = { FORCE_COLOR: "1", NO_COLOR: "1" };
  assert.ok(
    !(await world.fleet(["get", "devices", "pi-1"], { env: none })).stdout.includes("\u001B"),
  );
});

test.real("script", "on a terminal a table has colours and fits the width", async () => {
  const command = `SHELL=/bin/bash script -qec "stty cols 70; fleet get devices pi-1 pi-2" /dev/null`;
  const lines = (await shell(command)).trimEnd().split("\r\n");
  assert.ok(lines[0]?.startsWith("\u001B[1mNAME\u001B[0m"), lines[0]);
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.ok(stripVTControlCharacters(line).length <= 70, line);
  }
  const plain = await shell(command, { NO_COLOR: "1" });
  assert.ok(!plain.includes("\u001B"));
});
