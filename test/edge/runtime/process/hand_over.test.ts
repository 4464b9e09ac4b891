// Two copies at one place: one that serves and one that is to take over from it.
import * as assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { ProcessRuntime } from "#edge/runtime/process/runtime.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import { benchTests, rehashed, runs, shell, until } from "./fixture.ts";

const test = benchTests("a process that is handed over");
const place = { service: "web", index: 1 };
const ports: ComposeService["ports"] = [{ target: 8080, published: 9, protocol: "tcp" }];

/** Writes its environment down and stays. */
const service = (part: Partial<ComposeService> = {}): Partial<ComposeService> => {
  const made = shell("env > env.$FLEET_PORT_8080; exec sleep 300", { ports, ...part });
  return { ...made, fleet: { ...made.fleet, update: "hand-over" } };
};

async function byHash(runtime: ProcessRuntime): Promise<Record<string, ObservedInstance>> {
  const seen = await runtime.observe();
  return Object.fromEntries(seen.map((copy) => [copy.configHash, copy]));
}

test("starts beside a copy of another configuration, with a port of its own", async (bench) => {
  const runtime = bench.runtime();
  const app = bench.app({ web: service() });
  await runtime.start(app, place);
  await runtime.start(rehashed(app, "hash-2"), place);
  await runtime.start(rehashed(app, "hash-2"), place);
  const { "hash-1": old, "hash-2": fresh, ...more } = await byHash(runtime);
  assert.deepEqual(more, {});
  assert.ok(old !== undefined && fresh !== undefined && runs(old.id) && runs(fresh.id));
  const [one, other] = [old, fresh].map(({ backends }) => backends?.["8080"]);
  assert.equal(one?.host, "127.0.0.1");
  assert.notEqual(one?.port, other?.port);
  const env = await until("its environment", () =>
    existsSync(join(bench.release, `env.${other?.port}`)),
  );
  assert.ok(env);
});

test("removes the one that is meant, whichever place it has, and starts a third beside the second", async (bench) => {
  const runtime = bench.runtime();
  const app = bench.app({ web: service() });
  await runtime.start(app, place);
  const second = rehashed(app, "hash-2");
  await runtime.start(second, place);
  const { "hash-1": old, "hash-2": fresh } = await byHash(runtime);
  assert.ok(old !== undefined && fresh !== undefined);
  await runtime.remove(old);
  assert.ok(!runs(old.id) && runs(fresh.id));
  await runtime.start(rehashed(app, "hash-3"), place);
  assert.deepEqual(Object.keys(await byHash(runtime)).sort(), ["hash-2", "hash-3"]);
  await assert.rejects(runtime.start(rehashed(app, "hash-4"), place), { code: "start_failed" });
  await runtime.remove(fresh);
  assert.deepEqual(Object.keys(await byHash(runtime)), ["hash-3"]);
});

test("both are taken up by the next agent as they are", async (bench) => {
  const first = bench.runtime();
  const app = bench.app({ web: service() });
  await first.start(app, place);
  await first.start(rehashed(app, "hash-2"), place);
  const before = await byHash(first);
  await first.stop();
  assert.deepEqual(await byHash(bench.runtime()), before);
});

test("a copy that crashes comes back on its own port", async (bench) => {
  const runtime = bench.runtime();
  const restart = { name: "always", maxAttempts: 0 } as const;
  await runtime.start(bench.app({ web: service({ restart }) }), place);
  const { "hash-1": before } = await byHash(runtime);
  process.kill(Number(before?.id), "SIGKILL");
  const after = await until("the restart", async () => {
    const { "hash-1": copy } = await byHash(runtime);
    return copy?.restarts === 1 && copy.state === "running" && copy;
  });
  assert.deepEqual(after.backends, before?.backends);
});

test("a service that is not handed over still wants its place for itself", async (bench) => {
  const runtime = bench.runtime();
  const app = bench.app({ web: shell("exec sleep 300") });
  await runtime.start(app, place);
  await assert.rejects(runtime.start(rehashed(app, "hash-2"), place), { code: "start_failed" });
  const [copy] = await runtime.observe();
  assert.equal(copy?.backends, undefined);
});

test("its published port must be free, or held by the forwarder for the same app", async (bench) => {
  const server = createServer().listen(0);
  await until("the server", () => server.listening);
  const { port: published } = server.address() as { port: number };
  const app = bench.app({
    web: service({ ports: [{ target: 8080, published, protocol: "tcp" }] }),
  });
  try {
    await assert.rejects(bench.runtime().check(app, []), { code: "port_taken" });
    await bench.runtime({ holder: async () => "shop" }).check(app, []);
    const other = bench.runtime({ holder: async () => "other" });
    await assert.rejects(other.check(app, []), /app other of this device publishes it/);
    const plain = bench.app({
      web: shell("x", { ports: [{ target: 1, published, protocol: "tcp" }] }),
    });
    await bench.runtime({ holder: async () => "shop" }).check(plain, []);
  } finally {
    server.close();
  }
});

test("a UDP port has nothing to do with what the device forwards", async (bench) => {
  const plain = bench.app({
    web: shell("x", { ports: [{ target: 53, published: 1053, protocol: "udp" }] }),
  });
  await bench.runtime({ holder: async () => "other" }).check(plain, []);
});

test("every process is told its app's update lock, in a directory that is there", async (bench) => {
  const runDirectory = join(bench.directory, "run");
  const runtime = bench.runtime({ runDirectory });
  await runtime.start(bench.app({ web: shell("env > env; exec sleep 300") }), place);
  const lock = join(runDirectory, "shop/lock");
  const env = await until("its environment", () => {
    const file = join(bench.release, "env");
    return existsSync(file) && /^FLEET_LOCK=(.*)$/m.exec(readFileSync(file, "utf8"))?.[1];
  });
  assert.equal(env, lock);
  assert.ok(statSync(join(runDirectory, "shop")).isDirectory());
});

test("where no lock can be made, a process starts without one", async (bench) => {
  const runtime = bench.runtime({ runDirectory: "/dev/null/run" });
  await runtime.start(bench.app({ web: shell("env > env; exec sleep 300") }), place);
  const env = await until("its environment", () => {
    const file = join(bench.release, "env");
    return (
      existsSync(file) && readFileSync(file, "utf8").includes("HOME=") && readFileSync(file, "utf8")
    );
  });
  assert.doesNotMatch(env, /FLEET_LOCK/);
});
