// Two containers at one place, names and networks that are found and mended, and the update lock.
import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { makeTelemetryPlace, telemetrySocket } from "#edge/telemetry/place.ts";
import { systemClock } from "#shared/clock.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { closeDevice, failure, inside, inspect, testDevice } from "./device.ts";

const test = suite("containers that are handed over");
test.after(closeDevice);

const web = { service: "web", index: 1 };
const ports: ComposeService["ports"] = [{ target: 80, published: 1, protocol: "tcp" }];
const handedOver = { fleet: { update: "hand-over" }, ports } as const;
const serving = ["sh", "-c", 'echo here >/www/index.html; httpd -f -p "$FLEET_PORT_80" -h /www'];

/** The app with its services under another hash, as a new release has them. */
function next(app: ResolvedApp, hash: string): ResolvedApp {
  const services = Object.entries(app.services).map(([name, service]) => [
    name,
    { ...service, configHash: hash },
  ]);
  return { ...app, services: Object.fromEntries(services) };
}

/** The server listens some time after its container runs. */
async function statusOf(url: string): Promise<number | undefined> {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return answer.status;
    await systemClock.sleep(100);
  }
  return undefined;
}

async function seen(app: ResolvedApp): Promise<ObservedInstance[]> {
  return (await testDevice().runtime.observe()).filter((copy) => copy.app === app.app);
}

test.real(
  "docker",
  "start beside each other without the host's port, and are reached by address",
  async () => {
    const { app, service, up, until } = testDevice();
    const old = app("beside", [service("web", { ...handedOver, command: serving })]);
    await up(old);
    await up(next(old, "f".repeat(64)));
    await up(next(old, "f".repeat(64)));
    const copies = await until(old, (all) => all.every(({ backends }) => backends !== undefined));
    assert.equal(copies.length, 2);
    for (const { id, backends } of copies) {
      assert.deepEqual(inspect(id).HostConfig.PortBindings, {});
      const { host = "", port = 0 } = backends?.["80"] ?? {};
      assert.equal(await statusOf(`http://${host}:${port}/`), 200);
    }
  },
);

test.real("docker", "the new one gets its own name when the old one has gone", async () => {
  const { app, service, up, runtime } = testDevice();
  const old = app("name", [service("web", handedOver)]);
  const name = `${old.project}-web-1`;
  await up(old);
  const hash = "e".repeat(64);
  await up(next(old, hash));
  assert.equal(inspect(`${hash.slice(0, 12)}_${name}`).State.Running, true);
  const gone = (await seen(old)).find(({ configHash }) => configHash !== hash);
  assert.ok(gone);
  const fresh = inspect(`${hash.slice(0, 12)}_${name}`).Id;
  await runtime.remove(gone);
  assert.equal((await seen(old)).length, 1);
  assert.equal(inspect(name).Id, fresh);
});

test.real("docker", "a name that a person changed is given back", async () => {
  const { app, service, up } = testDevice();
  const renamed = app("renamed", [service("web")]);
  const name = `${renamed.project}-web-1`;
  await up(renamed);
  const { Id } = inspect(name);
  docker("rename", name, `${name}-odd`);
  await seen(renamed);
  assert.equal(inspect(name).Id, Id);
});

test.real(
  "docker",
  "a stranger's container under a copy's name is named before anything stops",
  async () => {
    const { app, service, image, runtime } = testDevice();
    for (const fleet of [{}, handedOver.fleet]) {
      const wanted = app(`stranger${Object.keys(fleet).length}`, [service("web", { fleet })]);
      const name = `${wanted.project}-web-1`;
      const stranger = docker("create", "--name", name, image, "sleep", "1");
      try {
        await runtime.prepare(wanted);
        for (const call of [() => runtime.check(wanted, []), () => runtime.start(wanted, web)]) {
          const error = await failure(call());
          assert.equal(error.code, "runtime_refused");
          assert.match(error.message, new RegExp(`^container ${name} exists and does not belong`));
        }
      } finally {
        docker("rm", stranger);
      }
    }
  },
);

test.real(
  "docker",
  "a running container that lost its network is told of and attached again",
  async () => {
    const { app, service, up, runtime } = testDevice();
    const torn = app("torn", [service("web", { command: serving, ...handedOver })]);
    await up(torn);
    const network = `${torn.project}_default`;
    const [before] = await seen(torn);
    assert.equal(before?.detachedFrom, undefined);
    docker("network", "disconnect", "--force", network, before?.id ?? "");
    docker("network", "rm", network);
    const [lost] = await seen(torn);
    assert.deepEqual(lost?.detachedFrom, [network]);
    await runtime.prepare(torn);
    await runtime.start(torn, web);
    const [after] = await seen(torn);
    assert.deepEqual([after?.id, after?.detachedFrom], [before?.id, undefined]);
    assert.ok(after?.backends?.["80"]?.host);
  },
);

test.real("docker", "a removed volume is there again with the next start", async () => {
  const { app, service, up, runtime } = testDevice();
  const mount = { type: "volume", source: "data", target: "/data" } as const;
  const mounts = [{ ...mount, readOnly: false, noCopy: false }];
  const kept = app("volume", [service("web", { mounts })]);
  await up(kept);
  const [copy] = await seen(kept);
  assert.ok(copy);
  await runtime.remove(copy);
  docker("volume", "rm", `${kept.project}_data`);
  await up(kept);
  assert.equal(inside(`${kept.project}-web-1`, "ls", "-d", "/data"), "/data");
});

test.real("docker", "each of two copies has config files of its own", async () => {
  const { app, service, up, runtime } = testDevice();
  const mount = { source: "words", target: "/words" };
  const made = (content: string) =>
    app("files", [service("web", { ...handedOver, configs: [mount] })], {
      configs: { words: { content } },
    });
  const [old, fresh] = [made("old"), next(made("new"), "d".repeat(64))];
  await up(old);
  await up(fresh);
  const name = `${old.project}-web-1`;
  const beside = `${"d".repeat(12)}_${name}`;
  assert.equal(inside(name, "cat", "/words"), "old");
  assert.equal(inside(beside, "cat", "/words"), "new");
  const gone = (await seen(old)).find(({ configHash }) => configHash === "d".repeat(64));
  assert.ok(gone);
  await runtime.remove(gone);
  docker("restart", "-t", "0", name);
  assert.equal(inside(name, "cat", "/words"), "old");
});

test.real(
  "docker",
  "the update lock is mounted where a service asks for it, and nowhere else",
  async () => {
    const { app, service, up, directory } = testDevice();
    const locking = app("lock", [
      service("asks", { fleet: { updateLock: true } }),
      service("other"),
    ]);
    await up(locking);
    const lock = join(directory, "run", locking.app, "lock");
    inside(`${locking.project}-asks-1`, "sh", "-c", 'touch "$FLEET_LOCK"');
    assert.ok(existsSync(lock));
    assert.throws(() => inside(`${locking.project}-other-1`, "ls", "/run/fleet"));
  },
);

test.real(
  "docker",
  "the telemetry socket is mounted where a service asks for it, and cannot be replaced there",
  async () => {
    const { app, service, up, directory } = testDevice();
    const telling = app("telemetry", [
      service("asks", { fleet: { telemetry: true } }),
      service("other"),
    ]);
    const place = await makeTelemetryPlace(join(directory, "run"), telling.app);
    const server = createServer().listen(telemetrySocket(place ?? ""));
    await up(telling);
    const name = `${telling.project}-asks-1`;
    assert.equal(
      inside(name, "sh", "-c", 'test -S "$FLEET_TELEMETRY_SOCKET" && echo there'),
      "there",
    );
    const url = inside(name, "sh", "-c", 'echo "$FLEET_TELEMETRY_URL"');
    assert.equal(url, "http://localhost/v1/telemetry/asks/1");
    assert.throws(() => inside(name, "sh", "-c", 'rm -f "$FLEET_TELEMETRY_SOCKET"'), /Read-only/);
    const other = `${telling.project}-other-1`;
    assert.throws(() => inside(other, "sh", "-c", 'test -n "$FLEET_TELEMETRY_URL"'));
    assert.throws(() => inside(other, "ls", "/run/fleet-telemetry"));
    await new Promise((resolve) => server.close(resolve));
  },
);

test.real(
  "docker",
  "a published port is free when the forwarder holds it for the same app",
  async () => {
    const { app, service } = testDevice();
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "0.0.0.0", listening));
    const { port: published } = server.address() as { port: number };
    const wanted = app("port", [
      service("web", {
        ...handedOver,
        replicas: 3,
        ports: [{ target: 80, published, protocol: "tcp" }],
      }),
    ]);
    const { engine, name, filesDir } = testDevice();
    const runtimeOf = (holder: string | undefined) =>
      createDockerRuntime({
        ...{ engine, device: name, filesDir, clock: systemClock },
        holder: async () => holder,
      });
    try {
      await runtimeOf(wanted.app).check(wanted, []);
      for (const [holder, words] of [
        [undefined, /held by another program on this device$/],
        ["other", /held by app other of this device$/],
      ] as const) {
        const error = await failure(runtimeOf(holder).check(wanted, []));
        assert.equal(error.code, "port_taken");
        assert.match(error.message, words);
      }
    } finally {
      server.close();
    }
  },
);
