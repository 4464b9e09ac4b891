// The process runtime with real processes: start, environment, end of everything.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { benchTests, only, rehashed, runs, shell, until } from "./fixture.ts";

const test = benchTests("process runtime");

test("starts a copy once, however often it is asked", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ web: shell("sleep 60") });
  await one.start(shop, { service: "web", index: 1 });
  const first = await only(one);
  await one.start(shop, { service: "web", index: 1 });
  const second = await only(one);
  assert.equal(first.state, "running");
  assert.equal(first.id, second.id);
  assert.ok(runs(first.id));
  assert.match(readFileSync(`/proc/${first.id}/cmdline`, "utf8"), /\/sh\0-c\0sleep 60\0$/);
});

test("refuses a place that another configuration holds", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ web: shell("sleep 60") });
  await one.start(shop, { service: "web", index: 1 });
  const changed = rehashed(shop, "hash-2");
  await assert.rejects(one.start(changed, { service: "web", index: 1 }), { code: "start_failed" });
});

test("gives exactly the compose file's environment on a small base, and none of the agent's", async ({
  runtime,
  app,
  release,
  directory,
}) => {
  process.env["AGENT_ONLY"] = "secret";
  const one = runtime();
  const script = 'require("fs").writeFileSync("found", JSON.stringify(process.env))';
  // A shell drops the dotted name and replaces IFS.
  const environment = { GREETING: "hello $world", EMPTY: "", "dotted.name": "kept", IFS: ":" };
  const shop = app({ web: { environment, fleet: { command: ["node", "-e", script] } } });
  await one.start(shop, { service: "web", index: 3 });
  await until("exit", async () => (await only(one)).state === "exited");
  const found: Record<string, string> = JSON.parse(readFileSync(join(release, "found"), "utf8"));
  const { METRICA_FLEET_INSTANCE: marker, PATH: path, PWD: pwd, HOME: home, ...rest } = found;
  assert.deepEqual(rest, {
    ...environment,
    LANG: "C.UTF-8",
    METRICA_FLEET_INDEX: "3",
    METRICA_FLEET_VOLUMES: join(directory, "volumes/shop"),
  });
  assert.match(marker ?? "", /^bench\/shop\/web\/3\//);
  assert.ok(path?.endsWith(`:${dirname(process.execPath)}`), "the agent's Node is found last");
  assert.equal(pwd, release);
  assert.equal(home, userInfo().homedir);
});

test("keeps the exit code, and how a signal ended the program", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ job: shell("exit 7"), victim: shell("kill -s SEGV $$") });
  await one.start(shop, { service: "job", index: 1 });
  await one.start(shop, { service: "victim", index: 1 });
  await until("both ended", async () => (await one.observe()).every((x) => x.state === "exited"));
  const codes = Object.fromEntries((await one.observe()).map((x) => [x.service, x.exitCode]));
  assert.deepEqual(codes, { job: 7, victim: 139 });
});

test("ends everything within three seconds and forgets it", async ({ runtime, app }) => {
  const stubborn = shell("trap '' TERM; while :; do sleep 0.1; done", {
    restart: { name: "always", maxAttempts: 0 },
  });
  const shop = app({ web: stubborn, calm: shell("sleep 60") });
  const ended = async (): Promise<number> => {
    const one = runtime();
    for (const index of [1, 2, 3]) await one.start(shop, { service: "web", index });
    await one.start(shop, { service: "calm", index: 1 });
    const pids = (await one.observe()).map((instance) => instance.id);
    const began = performance.now();
    await one.endAll();
    const tookMs = performance.now() - began;
    assert.ok(pids.every((pid) => !runs(pid)));
    assert.deepEqual(await runtime().observe(), []);
    return tookMs;
  };
  let tookMs = await ended();
  // Other programs on the machine take time of it that is not its own.
  for (let again = 0; again < 4 && tookMs >= 3000; again += 1) tookMs = await ended();
  assert.ok(tookMs < 3000, `${tookMs} ms`);
});
