// What is found out before anything stops: commands, directories, users, ports.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { FleetError } from "#shared/errors.ts";
import { takePorts } from "#test/support/ports.ts";
import { benchTests, only, rehashed, runs, shell, until } from "./fixture.ts";

const test = benchTests("check of processes");

async function listening(): Promise<{ port: number; close: () => void }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const published = (port: number) => ({
  ports: [{ target: 80, published: port, protocol: "tcp" as const }],
});

test("finds commands on the PATH, by path, and the agent's own node", async ({
  runtime,
  app,
  release,
}) => {
  writeFileSync(join(release, "run.sh"), "#!/bin/sh\n");
  chmodSync(join(release, "run.sh"), 0o755);
  const command = (...words: string[]) => ({ fleet: { command: words } });
  const shop = app({
    a: command("sleep", "1"),
    b: command("./run.sh"),
    c: command("node", "-v"),
    d: { entrypoint: ["sleep"], command: ["1"] },
  });
  await runtime().check(shop, []);
});

test("says which command is missing, or that there is none", async ({ runtime, app, release }) => {
  writeFileSync(join(release, "plain.sh"), "#!/bin/sh\n");
  const one = runtime();
  for (const part of [
    { fleet: { command: ["no-such-program"] } },
    { fleet: { command: ["./plain.sh"] } },
    {},
  ]) {
    await assert.rejects(one.check(app({ web: part }), []), (error: FleetError) => {
      assert.equal(error.code, "command_missing");
      assert.ok(error.message.includes(part.fleet?.command[0] ?? "no command"));
      return true;
    });
  }
});

test("names the port that another program holds", async ({ runtime, app }) => {
  const { port, close } = await listening();
  try {
    const shop = app({ web: shell("sleep 60", published(port)) });
    await assert.rejects(runtime().check(shop, []), (error: FleetError) => {
      assert.equal(error.code, "port_taken");
      assert.ok(error.message.includes(String(port)), error.message);
      return true;
    });
  } finally {
    close();
  }
});

test("does not count a port that a serving copy of the app will give up", async ({
  runtime,
  app,
}) => {
  const [port] = await takePorts(1);
  const one = runtime();
  const script = `require("net").createServer().listen(${port}, () => console.log("up"))`;
  const shop = app({ web: { fleet: { command: ["node", "-e", script] }, ...published(port) } });
  await one.start(shop, { service: "web", index: 1 });
  const copy = await only(one);
  await until("listening", async () => (await one.logs(copy, { tail: 1 })).length === 1);
  const next = rehashed(shop, "hash-2");
  await one.check(next, await one.observe());
  await assert.rejects(one.check(next, []), { code: "port_taken" });
  assert.ok(runs(copy.id));
});

test("refuses two services that publish one port", async ({ runtime, app }) => {
  const [port] = await takePorts(1);
  const shop = app({ a: shell("sleep 1", published(port)), b: shell("sleep 1", published(port)) });
  await assert.rejects(runtime().check(shop, []), { code: "port_taken" });
});

test("maps working_dir through the mounts, and refuses one that is not there", async ({
  runtime,
  app,
  release,
}) => {
  const one = runtime();
  mkdirSync(join(release, "site/pages"), { recursive: true });
  const mounts = [
    { type: "bind", source: "./site", target: "/srv", readOnly: true, createHostPath: true },
    { type: "volume", source: "data", target: "/data", readOnly: false, noCopy: false },
  ] as const;
  const shop = app({
    bound: shell("pwd; sleep 60", { workingDir: "/srv/pages", mounts: [...mounts] }),
    kept: shell("pwd; sleep 60", { workingDir: "/data", mounts: [...mounts] }),
  });
  await one.check(shop, []);
  for (const service of ["bound", "kept"]) await one.start(shop, { service, index: 1 });
  const where = await Promise.all(
    (await one.observe()).map((copy) =>
      until("pwd", async () => (await one.logs(copy, { tail: 1 }))[0]?.text),
    ),
  );
  assert.equal(where[0], join(release, "site/pages"));
  assert.match(where[1] ?? "", /\/runtime\/volumes\/shop\/data$/);
  const lost = app({ web: shell("sleep 1", { workingDir: "/no/such/place" }) });
  await assert.rejects(one.check(lost, []), { code: "runtime_refused" });
});

test("runs as another user where the agent is root, and refuses it elsewhere", async ({
  runtime,
  app,
}) => {
  const one = runtime();
  const shop = app({ web: shell("id -u; id -g; exit 5", { user: "65534:65533" }) });
  if (process.getuid?.() !== 0) {
    await assert.rejects(one.check(shop, []), { code: "runtime_refused" });
    return;
  }
  await one.start(shop, { service: "web", index: 1 });
  await until("the exit", async () => (await only(one)).exitCode === 5);
  const lines = await one.logs(await only(one), { tail: 9 });
  assert.deepEqual(
    lines.map((line) => line.text),
    ["65534", "65533"],
  );
});

test("refuses an unknown user, and warns of limits that nobody enforces", async ({
  runtime,
  app,
  warnings,
}) => {
  const one = runtime();
  const stranger = app({ web: shell("sleep 1", { user: "no-such-user" }) });
  await assert.rejects(one.check(stranger, []), { code: "runtime_refused" });
  await one.check(app({ web: shell("sleep 1", { resources: { memoryBytes: 1 } }) }), []);
  assert.deepEqual(warnings, [
    "shop/web: not enforced for a process: deploy.resources.limits.memory.",
  ]);
});

test("leaves a range of host ports to the process, and says so", async ({
  runtime,
  app,
  warnings,
}) => {
  const { port, close } = await listening();
  try {
    const range = { target: 80, published: port, publishedEnd: port + 1, protocol: "tcp" as const };
    await runtime().check(app({ web: shell("sleep 60", { ports: [range] }) }), []);
    assert.deepEqual(warnings, ["shop/web: not enforced for a process: ports (a range)."]);
  } finally {
    close();
  }
});
