import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Port } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";
import { closeDevice, failure, inspect, testDevice } from "./device.ts";

const test = suite("check");
test.after(closeDevice);

function tcp(published: number): Port {
  return { target: 80, published, protocol: "tcp" };
}

test.real("docker", "finds nothing to object to, and changes nothing", async () => {
  const { app, service, runtime, engine } = testDevice();
  const before = engine.counts();
  await runtime.check(app("fine", [service("web")]), []);
  const { create, start, stop, remove, pull, createNetwork, createVolume } = engine.counts();
  assert.deepEqual(
    [create, start, stop, remove, pull, createNetwork, createVolume],
    [
      before.create,
      before.start,
      before.stop,
      before.remove,
      before.pull,
      before.createNetwork,
      before.createVolume,
    ],
  );
});

test.real("docker", "lets an app keep its own port, and refuses it to another app", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const first = app("mine", [service("web", { ports: [{ target: 80, protocol: "tcp" }] })]);
  await up(first);
  const serving = await until(first, (all) => all.length === 1);
  const [binding] = inspect(`${first.project}-web-1`).NetworkSettings.Ports["80/tcp"];
  const port = Number(binding.HostPort);
  await runtime.check(app("mine", [service("web", { ports: [tcp(port)] })]), serving);
  const refusal = await failure(
    runtime.check(app("yours", [service("api", { ports: [tcp(port)] })]), []),
  );
  assert.equal(refusal.code, "port_taken");
  assert.match(refusal.message, new RegExp(`${port}/tcp.*${first.project}-web-1`));
});

test.real("docker", "finds ports that other programs hold, TCP and UDP", async () => {
  const { app, service, runtime } = testDevice();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const tcpPort = typeof address === "object" && address !== null ? address.port : 0;
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  try {
    const byTcp = app("by-tcp", [service("web", { ports: [tcp(tcpPort)] })]);
    assert.match((await failure(runtime.check(byTcp, []))).message, /another program/);
    const udp: Port = { target: 53, published: socket.address().port, protocol: "udp" };
    const byUdp = app("by-udp", [service("web", { ports: [udp] })]);
    assert.equal((await failure(runtime.check(byUdp, []))).code, "port_taken");
  } finally {
    server.close();
    socket.close();
  }
});

test.real("docker", "refuses a host port for two copies, or for two services", async () => {
  const { app, service, runtime } = testDevice();
  const [port] = await takePorts(1);
  const copies = app("copies", [service("web", { replicas: 2, ports: [tcp(port)] })]);
  assert.equal((await failure(runtime.check(copies, []))).code, "port_taken");
  const services = app("services", [
    service("web", { ports: [tcp(port)] }),
    service("api", { ports: [tcp(port)] }),
  ]);
  assert.match(
    (await failure(runtime.check(services, []))).message,
    /service api .* service web of the same app/,
  );
});

test.real(
  "docker",
  "gives each copy a port of its range, and refuses a range with too few",
  async () => {
    const { app, service, up, until, runtime } = testDevice();
    const [first, last = 0] = await takePorts(2);
    const range: Port = { ...tcp(first), publishedEnd: last };
    const fleet = (replicas: number) =>
      app("range", [service("web", { replicas, ports: [range] })]);
    await runtime.check(fleet(2), []);
    await up(fleet(2));
    const serving = await until(fleet(2), (all) => all.length === 2);
    const published = [1, 2].map((copy) => {
      const { Ports } = inspect(`${fleet(2).project}-web-${copy}`).NetworkSettings;
      return Number(Ports["80/tcp"][0].HostPort);
    });
    assert.deepEqual(
      published.toSorted((a, b) => a - b),
      [first, last],
    );
    await runtime.check(fleet(2), serving);
    assert.match(
      (await failure(runtime.check(fleet(3), serving))).message,
      new RegExp(
        `one host port of ${first}-${last}/tcp for each copy.*service web of the same app`,
      ),
    );
    const other = app("range2", [service("api", { ports: [range] })]);
    const refusal = await failure(runtime.check(other, []));
    assert.equal(refusal.code, "port_taken");
    await runtime.prepare(other);
    const late = await failure(runtime.start(other, { service: "api", index: 1 }));
    assert.equal(late.code, "port_taken");
    assert.match(late.message, new RegExp(`${last}/tcp.*container ${fleet(2).project}-web-`));
  },
);

test.real(
  "docker",
  "steps over a port of a range that is held or asked for by itself",
  async () => {
    const { app, service, runtime } = testDevice();
    const [first, last = 0] = await takePorts(2);
    const range: Port = { ...tcp(first), publishedEnd: last };
    const both = (replicas: number) =>
      app("beside", [
        service("any", { replicas, ports: [range] }),
        service("fixed", { ports: [tcp(first)] }),
      ]);
    await runtime.check(both(1), []);
    assert.equal((await failure(runtime.check(both(2), []))).code, "port_taken");
  },
);

test.real(
  "docker",
  "refuses an absent image, an absent bind and a key too new for the Engine",
  async () => {
    const { app, service, runtime, engine } = testDevice();
    const image = app("image", [service("web", { image: "fleet-test-no-such-image:1" })]);
    assert.equal((await failure(runtime.check(image, []))).code, "image_missing");
    const bind = { type: "bind", source: "./absent", target: "/x", readOnly: true } as const;
    const mounts = [{ ...bind, createHostPath: false }];
    const absent = app("bind", [service("web", { mounts })]);
    assert.match(
      (await failure(runtime.check(absent, []))).message,
      /absent, which does not exist/,
    );
    if ((await engine.apiMinor()) >= 43) return;
    const noted = app("annotated", [service("web", { annotations: { a: "b" } })]);
    assert.match((await failure(runtime.check(noted, []))).message, /annotations \(API 1\.43\)/);
  },
);
