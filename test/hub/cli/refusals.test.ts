import * as assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ExitName, exitCodes, exitMeanings } from "#hub/cli/exit.ts";
import { createHttpServer } from "#hub/server.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: refusals and help", { limitMs: 240_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
  for (const id of ["pi-1", "pi-2", "pi-3"]) world.bus.emit("membership", id as DeviceId);
  await world.runs.settle();
});
test.after(() => world.close());

const promised = [
  ...["get", "describe", "diff", "tree", "history", "logs", "watch", "wait", "label", "sync"],
  ...["rollout", "pin", "unpin", "hold", "plans", "runs", "import", "repave", "reboot", "rma"],
  ...["cancel", "enroll", "releases", "events", "backup", "restore", "login", "completion"],
];

test("what cannot be asked for is refused with what can", async () => {
  const cases: [words: string[], code: number, words: RegExp][] = [
    [["gte", "devices"], 2, /unknown command 'gte'[\s\S]*get/],
    [["get"], 2, /missing required argument 'kind'/],
    [["get", "devcies"], 2, /Did you mean devices\?/],
    [["get", "devices", "-o", "xml"], 2, /"xml" is not a form of output/],
    [["get", "devices", "-o", "jsonpath={.items["], 2, /jsonpath .* is wrong at sign/],
    [
      ["get", "devices", "--field-selector", "color=red"],
      2,
      /fields of devices: connection, sync, health/,
    ],
    [["get", "devices", "--field-selector", "sync=Great"], 2, /query\.sync/],
    [["get", "devices", "-l", "site=="], 0, /No devices found/],
    [["get", "devices", "-l", "a b"], 2, /"a b" is not a label selector term/],
    [["get", "sites", "-l", "a=b"], 2, /sites have no labels/],
    [["get", "sites", "-w"], 2, /--watch works for devices, apps and events/],
    [["get", "updates"], 2, /fleet get updates DEVICE/],
    [["get", "devices", "--context", "nowhere"], 2, /there is no context "nowhere"/],
    [["wait", "pi-1", "--for=condition=Helthy"], 2, /Did you mean Healthy\?/],
    [["help", "exit-code"], 2, /Did you mean: fleet help exit-codes\?/],
    [["help", "rollout", "staus"], 2, /See: fleet help rollout status/],
    [["describe", "pi-1"], 2, /not "pi-1"\nWrite: fleet describe device pi-1/],
    [["diff", "device"], 2, /which device\?\nWrite: fleet diff device NAME/],
    [["history", "role", "web"], 2, /"role" has no history here/],
    [["get", "devices", "pi-1", "-l", "site=north"], 2, /by -l and --field-selector/],
    [["enroll", "pi-1", "--label", "site=north"], 2, /Add --agent-yaml/],
  ];
  for (const [words, code, pattern] of cases) {
    const outcome = await world.fleet(words);
    assert.equal(outcome.code, code, `${words.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, pattern);
    assert.equal(outcome.stdout, "", words.join(" "));
  }
});

test("a name that nothing has is told with what was meant, by every verb that takes one", async () => {
  const why = ["--reason", "test"];
  const cases: [words: string[], words: RegExp][] = [
    [["describe", "device", "PI-1"], /no device is named "PI-1"\nDid you mean pi-1/],
    [["reboot", "pi-11", ...why], /no device is named "pi-11"\nDid you mean pi-1/],
    [["run", "rebot", "pi-1", ...why], /no plan is named "rebot"\nDid you mean reboot\?/],
    [["plans", "rebot"], /Did you mean reboot\?/],
    [["phase", "pi-11", "--to", "READY", ...why], /Did you mean pi-1/],
    [["phases", "zzz"], /no device is named "zzz"\nList them with: fleet phases/],
    [["runs", "--device", "pi-11"], /Did you mean pi-1/],
    [["watch", "--device", "pi-11"], /Did you mean pi-1/],
    [["rollout", "list", "wep"], /no deployment is named "wep"\nDid you mean web\?/],
    [["sync", "-l", "site=moon"], /no device matches "site=moon"/],
  ];
  for (const [words, pattern] of cases) {
    const outcome = await world.fleet(words);
    assert.equal(outcome.code, 5, `${words.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, pattern);
    assert.equal(outcome.stdout, "", words.join(" "));
  }
});

test("a preview of what is not there names the deployment that was perhaps meant", async () => {
  const problem = { status: 404, code: "not_found", detail: "no deployment has the name wep" };
  const headers = { "content-type": "application/problem+json" };
  const server = createHttpServer({
    ...{ host: "127.0.0.1", port: 0, onFault: () => undefined },
    fetch: (request, ...rest) =>
      new URL(request.url).pathname.endsWith("/preview")
        ? new Response(JSON.stringify(problem), { status: 404, headers })
        : world.app.fetch(request, ...rest),
  });
  const { url } = await server.start();
  const env = { FLEET_HUB: url };
  const mistyped = await world.fleet(["rollout", "preview", "wep"], { env });
  assert.deepEqual([mistyped.code, mistyped.stdout], [5, ""]);
  assert.match(mistyped.stderr, /no deployment is named "wep"\nDid you mean web\?/);
  const other = await world.fleet(["rollout", "preview", "web", "--commit", "abc"], { env });
  await server.stop();
  assert.deepEqual([other.code, other.stderr.includes("named")], [5, false]);
});

test("a wrong token, no token and a hub that is away have codes and hints of their own", async () => {
  const wrong = await world.fleet(["get", "devices"], { env: { FLEET_TOKEN: "wrong" } });
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /Sign in again: fleet login http/);
  const none = await world.fleet(["get", "devices"], { env: { FLEET_TOKEN: "" } });
  assert.equal(none.code, 4);
  assert.match(none.stderr, /no token for the hub at/);
  const closed = createHttpServer({
    ...{ host: "127.0.0.1", port: 0, fetch: world.app.fetch },
    onFault: () => undefined,
  });
  const { url } = await closed.start();
  await closed.stop();
  const away = await world.fleet(["get", "devices"], { env: { FLEET_HUB: url } });
  assert.equal(away.code, 3);
  assert.match(away.stderr, /does not answer \(ECONNREFUSED\)\nCheck that the hub runs/);
});

test("every verb explains itself, with an example, and lists no verb that is not there", async () => {
  const all = await world.fleet(["--help"]);
  assert.equal(all.code, 0);
  const verbs = [...all.stdout.matchAll(/^ {2}([a-z][a-z-]+) {2,}\S/gm)].map(
    ([, name = ""]) => name,
  );
  assert.deepEqual(
    promised.filter((verb) => !verbs.includes(verb)),
    [],
  );
  for (const verb of verbs) {
    const help = await world.fleet([verb, "--help"]);
    assert.equal(help.code, 0, help.stderr);
    assert.match(help.stdout, new RegExp(`^Usage: fleet ${verb}`));
    if (!["help", "version"].includes(verb)) assert.match(help.stdout, /Examples:/, verb);
  }
  const help = await world.fleet(["help", "get"]);
  assert.equal(help.stdout, (await world.fleet(["get", "--help"])).stdout);
});

test("the page in docs names every verb and every exit code as the command does", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/fleet-command.md"), "utf8");
  for (const [name, code] of Object.entries(exitCodes)) {
    const meaning = exitMeanings[name as ExitName].replaceAll("|", "\\|");
    assert.ok(page.includes(`| ${code} | ${meaning} |`), name);
  }
  const all = await world.fleet(["--help"]);
  for (const [, verb = ""] of all.stdout.matchAll(/^ {2}([a-z][a-z-]+) {2,}\S/gm)) {
    assert.match(page, new RegExp(`^\\| .*\`${verb}\\b`, "m"), verb);
  }
});
