import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createEngine } from "#edge/runtime/docker/engine.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { docker, dockerSocket, scratchDirectory } from "#test/support/engine.ts";
import { closeDevice, failure, inside, testDevice } from "./device.ts";

const test = suite("events");
const scratch = scratchDirectory();

test.after(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await closeDevice();
});

/** A way to the real Engine that can be cut: to this device it is an Engine that restarts. */
function createWay(path: string): { open(): Promise<void>; cut(): Promise<void> } {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const pass = (near: Socket): void => {
    const far = connect(dockerSocket);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  };
  return {
    open: () =>
      new Promise((resolve) => {
        server = createServer(pass).listen(path, resolve);
      }),
    cut: () =>
      new Promise((resolve) => {
        server?.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function soon(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 1200) throw new Error(`not within a minute: ${what}`);
    await systemClock.sleep(50);
  }
}

test.real(
  "docker",
  "listens again after the Engine was away, and trusts nothing from before",
  async () => {
    const { app, service, up, name, filesDir } = testDevice();
    const web = app("web", [service("web")]);
    await up(web);
    const socketPath = join(scratch, "engine.sock");
    const way = createWay(socketPath);
    await way.open();
    const engine = createEngine({ socketPath });
    const device = { device: name, clock: systemClock, filesDir, random: () => 0.1 };
    const runtime = createDockerRuntime({ engine, ...device });
    let woken = 0;
    runtime.onChange(() => (woken += 1));
    try {
      assert.equal((await runtime.observe())[0]?.state, "running");
      await way.cut();
      assert.equal((await failure(runtime.observe())).code, "runtime_unavailable");
      docker("restart", "-t", "0", `${web.project}-web-1`);
      const before = { woken, streams: engine.counts().events };
      await way.open();
      await soon("a wake-up by the new stream", () => woken > before.woken);
      assert.ok(engine.counts().events > before.streams);
      const inspected = engine.counts().inspect;
      assert.equal((await runtime.observe())[0]?.state, "running");
      assert.equal(engine.counts().inspect, inspected + 1);
    } finally {
      await runtime.stop();
      await way.cut();
    }
  },
);

test.real("docker", "wakes the loop when a copy ends", async () => {
  const { app, service, up, runtime } = testDevice();
  const script = "until test -e /tmp/go; do sleep 0.1; done";
  const brief = app("brief", [service("job", { command: ["sh", "-c", script] })]);
  await runtime.observe();
  await up(brief);
  const before = runtime.occurrences().exits;
  let woken = 0;
  runtime.onChange(() => (woken += 1));
  inside(`${brief.project}-job-1`, "touch", "/tmp/go");
  await soon("an exit", () => runtime.occurrences().exits > before);
  assert.ok(woken > 0);
});
