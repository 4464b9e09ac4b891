// What outlives an agent: copies are taken up again, lost ones restarted, strays ended.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ownerOf } from "#edge/runtime/process/marker.ts";
import { listMarked } from "#edge/runtime/process/proc.ts";
import type { CopyRecord } from "#edge/runtime/process/record.ts";
import { systemClock } from "#shared/clock.ts";
import { benchTests, only, pidIn, readIfThere, runs, shell, until } from "./fixture.ts";

const test = benchTests("copies over the agent's death");

const recordFile = (directory: string) => join(directory, "copies/shop/web.1/copy.json");
const always = { name: "always", maxAttempts: 0 } as const;

function readRecord(directory: string): CopyRecord {
  return JSON.parse(readFileSync(recordFile(directory), "utf8"));
}

function spawnAgent(directory: string, release: string, script: string) {
  const program = fileURLToPath(new URL("./host.ts", import.meta.url));
  return spawn(process.execPath, [program, directory, release, script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Every living process that a runtime over the directory started. */
function ownProcesses(directory: string) {
  const owner = ownerOf(realpathSync(directory));
  return listMarked().filter(({ marker }) => marker.nonce.startsWith(owner));
}

const groups = (directory: string) => new Set(ownProcesses(directory).map(({ group }) => group));

test("a record that the disk does not give keeps no other copy from being supervised", async ({
  runtime,
  app,
  directory,
  warnings,
}) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  await first.stop();
  const unreadable = join(directory, "copies/shop/db.1/copy.json");
  mkdirSync(unreadable, { recursive: true });
  assert.equal((await only(runtime())).service, "web");
  assert.deepEqual(warnings, [`${unreadable} is no state of a process; ignored.`]);
});

test("after a boot starts what its policy wants, and counts no restart", async ({
  runtime,
  app,
  directory,
}) => {
  const first = runtime();
  const shop = app({ web: shell("exec sleep 60", { restart: always }) });
  await first.start(shop, { service: "web", index: 1 });
  const before = await only(first);
  await first.stop();
  process.kill(Number(before.id), "SIGKILL");
  await until("the end", () => !runs(before.id));
  const record = readRecord(directory);
  assert.ok(record.run);
  const earlier = { ...record, run: { ...record.run, bootId: "before" } };
  writeFileSync(recordFile(directory), JSON.stringify(earlier));
  const next = runtime();
  const after = await until("running", async () => {
    const copy = await only(next);
    return copy.state === "running" && copy;
  });
  assert.notEqual(after.id, before.id);
  assert.equal(after.restarts, 0);
});

test("the next agent takes a living copy up, with the same process", async ({ runtime, app }) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  const before = await only(first);
  await first.stop();
  const second = runtime();
  const after = await only(second);
  assert.deepEqual(after, before);
  await second.remove(after);
  assert.ok(!runs(before.id));
});

test("an adopted copy's end is noticed, with its exit code, and its policy holds", async ({
  runtime,
  app,
  release,
}) => {
  const first = runtime();
  const script = "while test ! -e go; do sleep 0.05; done; rm go; exit 9";
  await first.start(app({ web: shell(script, { restart: always }) }), {
    service: "web",
    index: 1,
  });
  await first.stop();
  const pause = Promise.withResolvers<void>();
  const clock = { ...systemClock, sleep: () => pause.promise };
  const second = runtime({ clock });
  const before = await only(second);
  let told = false;
  second.onChange(() => {
    told = true;
  });
  writeFileSync(join(release, "go"), "");
  await until("the end", async () => (await only(second)).state === "restarting");
  assert.equal((await only(second)).exitCode, 9);
  await until("the loop is told", () => told);
  pause.resolve();
  await until("the restart", async () => (await only(second)).state === "running");
  const after = await only(second);
  assert.equal(after.restarts, 1);
  assert.notEqual(after.id, before.id);
});

test("what died while no agent ran is restarted by its policy, or stays down", async ({
  runtime,
  app,
}) => {
  const first = runtime();
  const shop = app({ web: shell("sleep 60", { restart: always }), job: shell("sleep 60") });
  await first.start(shop, { service: "web", index: 1 });
  await first.start(shop, { service: "job", index: 1 });
  const pids = (await first.observe()).map((copy) => Number(copy.id));
  await first.stop();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await until("their end", () => pids.every((pid) => !runs(pid)));
  const second = runtime();
  const states = async () => (await second.observe()).map((copy) => copy.state).sort();
  await until("the restart", async () => (await states()).join() === "exited,running");
  const job = (await second.observe()).find((copy) => copy.service === "job");
  assert.equal(job?.exitCode, 137);
});

test("a copy lives on when its agent is killed, and is adopted", async ({
  runtime,
  directory,
  release,
}) => {
  const script = "echo $$ >pid; i=0; while :; do i=$((i+1)); echo $i >beat; sleep 0.05; done";
  const agent = spawnAgent(directory, release, script);
  const pid = await pidIn(join(release, "pid"));
  agent.kill("SIGKILL");
  await once(agent, "exit");
  const beat = readIfThere(join(release, "beat"));
  await until("life without an agent", () => readIfThere(join(release, "beat")) !== beat);
  const next = runtime();
  const copy = await only(next);
  assert.equal(copy.id, pid);
  assert.equal(copy.state, "running");
  assert.equal(copy.restarts, 0);
});

test("at whatever instant its agent is killed, a start ends as exactly one process", async ({
  runtime,
  app,
  directory,
  release,
}) => {
  for (const delayMs of [0, 5, 10, 20, 24, 28, 32, 36, 40, 60]) {
    const agent = spawnAgent(directory, release, "sleep 60");
    await once(agent.stdout, "data");
    await systemClock.sleep(delayMs);
    agent.kill("SIGKILL");
    await once(agent, "exit");
    const next = runtime();
    await next.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
    const copy = await only(next);
    assert.equal(copy.state, "running", `killed after ${delayMs} ms`);
    // A child that a busy machine forked late is found by the second look.
    await until(`one process, killed after ${delayMs} ms`, () => groups(directory).size === 1);
    await next.remove(copy);
    assert.deepEqual(ownProcesses(directory), []);
    await next.stop();
  }
});

test("a process whose record does not know it yet is found by its mark", async ({
  runtime,
  app,
  directory,
}) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  const before = await only(first);
  await first.stop();
  // As the record was between intent and process.
  const { run: _run, ...record } = readRecord(directory);
  writeFileSync(recordFile(directory), JSON.stringify({ ...record, phase: "created" }));
  const after = await only(runtime());
  assert.equal(after.id, before.id);
  assert.equal(after.state, "running");
});

test("an intent without a process waits for the loop's next start", async ({
  runtime,
  app,
  directory,
}) => {
  const first = runtime();
  const shop = app({ web: shell("sleep 60") });
  await first.start(shop, { service: "web", index: 1 });
  await first.endAll();
  assert.ok(!existsSync(recordFile(directory)));
  const second = runtime();
  await second.start(shop, { service: "web", index: 1 });
  const { run, ...record } = readRecord(directory);
  await second.stop();
  const pid = run?.pid ?? Number.NaN;
  process.kill(-pid, "SIGKILL");
  await until("its end", () => ownProcesses(directory).length === 0);
  writeFileSync(recordFile(directory), JSON.stringify({ ...record, phase: "created" }));
  const third = runtime();
  assert.equal((await only(third)).state, "created");
  await third.start(shop, { service: "web", index: 1 });
  assert.equal((await only(third)).state, "running");
});

test("a process whose record is lost or torn is ended, and another's is not touched", async ({
  runtime,
  app,
  directory,
  warnings,
}) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  const lost = await only(first);
  await first.stop();
  writeFileSync(recordFile(directory), '{"app":"sho');
  const environment = { METRICA_FLEET_INSTANCE: "bench/shop/web/1/000000000000.other" };
  const other = spawn("sleep", ["60"], { env: { ...process.env, ...environment } });
  try {
    assert.deepEqual(await runtime().observe(), []);
    assert.ok(!runs(lost.id));
    assert.ok(runs(other.pid ?? 0));
    assert.match(warnings.join(), /copy\.json is no state of a process/);
  } finally {
    other.kill("SIGKILL");
  }
});

test("a stranger with the recorded pid is neither taken for the copy nor signalled", async ({
  runtime,
  app,
  directory,
}) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  const { run, ...record } = readRecord(directory);
  assert.ok(run);
  await first.stop();
  process.kill(-run.pid, "SIGKILL");
  await until("its end", () => ownProcesses(directory).length === 0);
  const stranger = spawn("sleep", ["60"], { detached: true });
  const pid = stranger.pid ?? 0;
  try {
    const forged = { ...record, run: { ...run, pid, program: pid } };
    writeFileSync(recordFile(directory), JSON.stringify(forged));
    const second = runtime();
    const copy = await only(second);
    assert.equal(copy.state, "exited");
    await second.remove(copy);
    assert.ok(runs(pid));
  } finally {
    stranger.kill("SIGKILL");
  }
});

test("a removal that the agent's death cut short is finished", async ({
  runtime,
  app,
  directory,
}) => {
  const first = runtime();
  await first.start(app({ web: shell("sleep 60", { restart: always }) }), {
    service: "web",
    index: 1,
  });
  const before = await only(first);
  await first.stop();
  const record = { ...readRecord(directory), phase: "removing" };
  writeFileSync(recordFile(directory), JSON.stringify(record));
  const second = runtime();
  await until("the removal", async () => (await second.observe()).length === 0);
  assert.ok(!runs(before.id));
  assert.ok(!existsSync(recordFile(directory)));
});
