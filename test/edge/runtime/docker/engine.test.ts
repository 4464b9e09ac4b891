import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { createEngine, dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { dockerSocket, scratchDirectory } from "#test/support/engine.ts";

const test = suite("engine");
const scratch = scratchDirectory();
const servers: Server[] = [];
const sockets: Socket[] = [];

test.after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** An Engine that takes connections and then does what the test wants. */
async function fakeEngine(name: string, answer: (socket: Socket, path: string) => void) {
  const path = join(scratch, name);
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.once("data", (data) => answer(socket, data.toString().split(" ")[1] ?? ""));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

function json(body: unknown, version = "1.1"): string {
  const text = JSON.stringify(body);
  return `HTTP/${version} 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "no error",
    (error: unknown) => (error instanceof FleetError ? error.code : String(error)),
  );
}

test("gives up on an Engine that accepts and never answers", async () => {
  const socketPath = await fakeEngine("hung", () => undefined);
  const started = performance.now();
  assert.equal(
    await codeOf(createEngine({ socketPath, limitMs: 300 }).listContainers([])),
    "runtime_timeout",
  );
  assert.ok(performance.now() - started < 10_000);
  assert.equal(await dockerAnswers(socketPath), false);
});

test("gives up on an Engine that hangs after it told its version", async () => {
  const socketPath = await fakeEngine("half-hung", (socket, path) => {
    if (path.startsWith("/version")) socket.end(json({ ApiVersion: "1.41" }));
  });
  const engine = createEngine({ socketPath, limitMs: 300 });
  const filesDir = join(scratch, "files");
  const runtime = createDockerRuntime({ engine, device: "pi", clock: systemClock, filesDir });
  assert.equal(await codeOf(runtime.observe()), "runtime_timeout");
  await runtime.stop();
});

test("gives up on an answer that is cut off in its middle", async () => {
  const socketPath = await fakeEngine("cut", (socket, path) => {
    const whole = json([{ Id: "x".repeat(1000) }]);
    socket.end(path.startsWith("/version") ? json({ ApiVersion: "1.41" }) : whole.slice(0, 300));
  });
  const engine = createEngine({ socketPath, limitMs: 500 });
  assert.match(await codeOf(engine.listContainers([])), /^runtime_(timeout|unavailable)$/);
});

test("says that no Engine is there", async () => {
  const socketPath = join(scratch, "absent");
  assert.equal(
    await codeOf(createEngine({ socketPath }).listContainers([])),
    "runtime_unavailable",
  );
  assert.equal(await dockerAnswers(socketPath), false);
});

test("speaks no newer API than the Engine, and none older than it takes", async () => {
  const asked: string[] = [];
  const speak = async (name: string, version: object): Promise<number> => {
    const socketPath = await fakeEngine(name, (socket, path) => {
      asked.push(path);
      socket.end(json(path.startsWith("/version") ? version : []));
    });
    const engine = createEngine({ socketPath, limitMs: 30_000 });
    await engine.listContainers([]);
    return engine.apiMinor();
  };
  assert.equal(await speak("old", { ApiVersion: "1.41", MinAPIVersion: "1.12" }), 41);
  assert.equal(await speak("new", { ApiVersion: "1.52", MinAPIVersion: "1.44" }), 45);
  assert.equal(await speak("newest", { ApiVersion: "1.60", MinAPIVersion: "1.50" }), 50);
  const versions = asked
    .filter((path) => path.includes("containers"))
    .map((path) => path.split("/")[1]);
  assert.deepEqual(versions, ["v1.41", "v1.45", "v1.50"]);
});

test("does not take a pull for success that ends without the image", async () => {
  const socketPath = await fakeEngine("liar", (socket, path) => {
    const lines = '{"status":"Download complete","id":"a","progressDetail":{}}\n';
    if (path.startsWith("/version")) socket.end(json({ ApiVersion: "1.41" }));
    else if (path.includes("/images/create")) socket.end(`HTTP/1.0 200 OK\r\n\r\n${lines}`);
    else socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  const engine = createEngine({ socketPath, limitMs: 30_000 });
  const filesDir = join(scratch, "files");
  const runtime = createDockerRuntime({ engine, device: "pi", clock: systemClock, filesDir });
  assert.equal(await codeOf(runtime.pull("robot:1", { policy: "always" })), "image_corrupt");
});

test("does not follow DOCKER_HOST away from its socket", async () => {
  const before = process.env["DOCKER_HOST"];
  process.env["DOCKER_HOST"] = "tcp://127.0.0.1:1";
  try {
    const socketPath = await fakeEngine("own", (socket) =>
      socket.end(json({ ApiVersion: "1.41" })),
    );
    assert.equal(await createEngine({ socketPath }).apiMinor(), 41);
  } finally {
    if (before === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = before;
  }
});

test.real("docker", "talks to a real Engine and counts its calls", async () => {
  assert.equal(await dockerAnswers(dockerSocket), true);
  const engine = createEngine({ socketPath: dockerSocket });
  await engine.listContainers(["metrica.fleet.device=nobody"]);
  assert.equal(await engine.inspectContainer("fleet-test-no-such-container"), undefined);
  const { version, list, inspect, create } = engine.counts();
  assert.deepEqual(
    { version, list, inspect, create },
    { version: 1, list: 1, inspect: 1, create: 0 },
  );
});

test.real("docker", "keeps the HTTP status behind a refusal", async () => {
  const engine = createEngine({ socketPath: dockerSocket });
  const refusal = await engine
    .startContainer("fleet-test-no-such-container", "x")
    .catch((error: unknown) => error);
  assert.equal(statusOf(refusal), 404);
  assert.ok(refusal instanceof FleetError && refusal.code === "runtime_refused");
});
