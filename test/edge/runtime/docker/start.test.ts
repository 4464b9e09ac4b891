import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { docker, run } from "#test/support/engine.ts";
import { besidesDocker, closeDevice, failure, inside, inspect, testDevice } from "./device.ts";

const test = suite("start");
test.after(closeDevice);

test.real("docker", "starts copies under compose's names, once", async () => {
  const { app, service, up, engine, until } = testDevice();
  const robots = app("robots", [service("robot", { replicas: 2 })]);
  await up(robots);
  const before = engine.counts();
  await up(robots);
  const after = engine.counts();
  assert.deepEqual([after.create, after.start], [before.create, before.start]);
  const copies = await until(robots, (all) => all.every(({ state }) => state === "running"));
  const names: string[] = copies.map(({ id }) => inspect(id).Name);
  assert.deepEqual(names.sort(), [`/${robots.project}-robot-1`, `/${robots.project}-robot-2`]);
  assert.deepEqual(
    copies.map(({ index }) => index).sort((a, b) => a - b),
    [1, 2],
  );
});

test.real(
  besidesDocker("docker-compose"),
  "shows in docker-compose ps under its project",
  async () => {
    const { app, service, up, directory } = testDevice();
    const shown = app("shown", [service("web")]);
    await up(shown);
    const file = join(directory, "compose.yaml");
    writeFileSync(file, `version: "3"\nservices:\n  web:\n    image: ${testDevice().image}\n`);
    const listed = run("docker-compose", ["-f", file, "-p", shown.project, "ps"]);
    assert.match(listed, new RegExp(`${shown.project}-web-1 .*Up`));
  },
);

test.real("docker", "starts the stopped copy that is right instead of making another", async () => {
  const { app, service, up } = testDevice();
  const web = app("again", [service("web")]);
  await up(web);
  const name = `${web.project}-web-1`;
  const { Id } = inspect(name);
  docker("stop", "-t", "0", name);
  await up(web);
  assert.equal(inspect(name).Id, Id);
  assert.equal(inspect(name).State.Running, true);
  docker("pause", name);
  await up(web);
  assert.equal(inspect(name).State.Paused, false);
});

test.real("docker", "leaves a copy with another configuration to the planner", async () => {
  const { app, service, up, runtime } = testDevice();
  const before = app("changed", [service("web")]);
  await up(before);
  const after = app("changed", [service("web", { environment: { A: "1" } })]);
  const refusal = await failure(runtime.start(after, { service: "web", index: 1 }));
  assert.equal(refusal.code, "runtime_refused");
  assert.match(refusal.message, /another configuration/);
});

test.real("docker", "does not take over a container that is not its own", async () => {
  const { app, service, image, name, runtime } = testDevice();
  const web = app("taken", [service("web")]);
  const foreign = `${web.project}-web-1`;
  docker("create", "--name", foreign, "--label", `test.of=${name}`, image, "true");
  try {
    const refusal = await failure(runtime.start(web, { service: "web", index: 1 }));
    assert.match(refusal.message, /does not belong to this device/);
  } finally {
    docker("rm", "-f", foreign);
  }
});

test.real("docker", "makes a stopped copy anew when its network is gone", async () => {
  const { app, service, up } = testDevice();
  const web = app("lost-network", [service("web")]);
  await up(web);
  const name = `${web.project}-web-1`;
  docker("stop", "-t", "0", name);
  docker("network", "rm", `${web.project}_default`);
  await up(web);
  assert.equal(inspect(name).State.Running, true);
});

test.real("docker", "says that the command is missing", async () => {
  const { app, service, runtime } = testDevice();
  const web = app("no-command", [service("web", { command: ["no-such-program"] })]);
  await runtime.prepare(web);
  const error = await failure(runtime.start(web, { service: "web", index: 1 }));
  assert.equal(error.code, "command_missing");
  assert.match(error.message, /^service web .*no-such-program/);
});

test.real("docker", "says that the image is missing", async () => {
  const { app, service, runtime } = testDevice();
  const web = app("no-image", [service("web", { image: "fleet-test-no-such-image:1" })]);
  await runtime.prepare(web);
  const error = await failure(runtime.start(web, { service: "web", index: 1 }));
  assert.equal(error.code, "image_missing");
});

test.real("docker", "says which port is taken, and by which container", async () => {
  const { app, service, up, runtime } = testDevice();
  const holder = app("holder", [service("web", { ports: [{ target: 80, protocol: "tcp" }] })]);
  await up(holder);
  const [binding] = inspect(`${holder.project}-web-1`).NetworkSettings.Ports["80/tcp"];
  const published = Number(binding.HostPort);
  const late = app("late", [
    service("api", { ports: [{ target: 80, published, protocol: "tcp" }] }),
  ]);
  await runtime.prepare(late);
  const error = await failure(runtime.start(late, { service: "api", index: 1 }));
  assert.equal(error.code, "port_taken");
  assert.match(error.message, new RegExp(`${published}/tcp.*container ${holder.project}-web-1`));
});

test.real("docker", "says that a port is taken by a program that is no container", async () => {
  const { app, service, runtime } = testDevice();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const address = server.address();
  const published = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const late = app("late2", [
      service("api", { ports: [{ target: 80, published, protocol: "tcp" }] }),
    ]);
    await runtime.prepare(late);
    const error = await failure(runtime.start(late, { service: "api", index: 1 }));
    assert.equal(error.code, "port_taken");
    assert.match(error.message, /another program/);
  } finally {
    server.close();
  }
});

test.real("docker", "gives the Engine's sentence for every other refusal", async () => {
  const { app, service, runtime } = testDevice();
  const web = app("refused", [service("web", { ociRuntime: "no-such-runtime" })]);
  await runtime.prepare(web);
  const error = await failure(runtime.start(web, { service: "web", index: 1 }));
  assert.equal(error.code, "start_failed");
  assert.match(error.message, /no-such-runtime/);
});

test.real("docker", "shares the network of another service", async () => {
  const { app, service, up } = testDevice();
  const pair = app("pair", [
    service("front", { hostname: "front-host" }),
    service("side", { networkMode: "service:front" }),
  ]);
  await up(pair);
  assert.equal(inside(`${pair.project}-side-1`, "hostname"), "front-host");
});

test.real("docker", "runs hooks after the start and before the stop", async () => {
  const { app, service, up, until, runtime, name } = testDevice();
  const hook = (file: string) => ({
    command: ["touch", `/data/${file}`],
    privileged: false,
    environment: {},
  });
  const hooked = app("hooked", [
    service("web", {
      mounts: [{ type: "volume", source: "data", target: "/data", readOnly: false, noCopy: false }],
      postStart: [hook("started")],
      preStop: [hook("stopping")],
    }),
  ]);
  await up(hooked);
  assert.equal(inside(`${hooked.project}-web-1`, "ls", "/data"), "started");
  const [copy] = await until(hooked, (all) => all.length === 1);
  assert.ok(copy);
  await runtime.remove(copy);
  const reader = app("hooked-reader", [
    service("reader", {
      mounts: [
        {
          type: "bind",
          source: volumePath(),
          target: "/data",
          readOnly: true,
          createHostPath: false,
        },
      ],
    }),
  ]);
  await up(reader);
  const files = inside(`${reader.project}-reader-1`, "ls", "/data").split("\n");
  assert.deepEqual(files, ["started", "stopping"]);

  function volumePath(): string {
    return docker("volume", "inspect", `${name}-hooked_data`, "--format", "{{.Mountpoint}}");
  }
});

test.real(
  "docker",
  "stops a copy whose hook fails, so that the next start runs it again",
  async () => {
    const { app, service, runtime } = testDevice();
    const failing = { command: ["false"], privileged: false, environment: {} };
    const web = app("bad-hook", [service("web", { postStart: [failing] })]);
    await runtime.prepare(web);
    const error = await failure(runtime.start(web, { service: "web", index: 1 }));
    assert.equal(error.code, "start_failed");
    assert.equal(inspect(`${web.project}-web-1`).State.Running, false);
  },
);
