// The real forwarder as a process of its own, between real sockets on the loopback net.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createForwarder, type Forwarder } from "#edge/runtime/forward/forwarder.ts";
import { withSocketPath } from "#edge/runtime/forward/identity.ts";
import type { Route } from "#edge/runtime/forward/table.ts";
import { systemClock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import { until } from "#test/edge/runtime/process/fixture.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("forwarder");

interface Bench {
  directory: string;
  forwarder: Forwarder;
  /** A free port of the loopback net. */
  port: number;
  /** A server that handles each connection; its route is to the bench's port. */
  backend(
    onSocket: (socket: Socket) => void,
  ): Promise<{ server: Server; at: Route["backends"][0] }>;
  apply(...backends: Route["backends"]): ReturnType<Forwarder["apply"]>;
  client(): Promise<Socket>;
}

function bench(name: string, body: (bench: Bench) => Promise<void>): void {
  test(name, async () => {
    // Longer than a socket's path may be.
    const directory = mkdtempSync(join(tmpdir(), `fleet-forward-${"long".repeat(25)}-`));
    const forwarder = createForwarder({ directory, clock: systemClock });
    const servers: Server[] = [];
    const sockets = new Set<Socket>();
    const [port] = await takePorts(1);
    try {
      await body({
        directory,
        forwarder,
        port,
        backend: async (onSocket) => {
          const server = createServer({ allowHalfOpen: true }, (socket) => {
            sockets.add(socket);
            socket.on("error", () => undefined);
            onSocket(socket);
          }).listen(0, "127.0.0.1");
          servers.push(server);
          await once(server, "listening");
          return {
            server,
            at: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
          };
        },
        apply: (...backends) =>
          applied(forwarder, [{ app: "shop", host: "127.0.0.1", port, backends }]),
        client: async () => {
          const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
          sockets.add(socket);
          await once(socket, "connect");
          socket.on("error", () => undefined);
          return socket;
        },
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
      await forwarder.end();
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

/** As the agent's loop does: one that comes up slowly is waited for again. */
function applied(forwarder: Forwarder, routes: Route[]): ReturnType<Forwarder["apply"]> {
  return until("the forwarder", () =>
    forwarder.apply(routes).catch((error: FleetError) => {
      if (error.code !== "runtime_unavailable") throw error;
      return undefined;
    }),
  );
}

/** What the server behind the port says before it closes. */
async function ask({ client }: Pick<Bench, "client">): Promise<string> {
  const socket = await client();
  socket.end();
  return text(socket);
}

const says = (words: string) => (socket: Socket) => void socket.end(words);
const pidOf = ({ directory }: Bench): number =>
  (JSON.parse(readFileSync(join(directory, "forwarder.json"), "utf8")) as { pid: number }).pid;

bench("hands connections to the copies in turn", async (b) => {
  const one = await b.backend(says("one"));
  const two = await b.backend(says("two"));
  await b.apply(one.at, two.at);
  const answers = [];
  for (let asked = 0; asked < 4; asked += 1) answers.push(await ask(b));
  assert.deepEqual(answers.toSorted(), ["one", "one", "two", "two"]);
});

bench("goes on to the next copy when one refuses", async (b) => {
  const gone = { host: "127.0.0.1", port: (await takePorts(1))[0] };
  const there = await b.backend(says("there"));
  await b.apply(gone, there.at);
  for (let asked = 0; asked < 4; asked += 1) assert.equal(await ask(b), "there");
});

bench("lets a client wait for a copy that is away for a moment", async (b) => {
  const copy = await b.backend(says("back"));
  await b.apply();
  const late = ask(b);
  await systemClock.sleep(100);
  await b.apply(copy.at);
  assert.equal(await late, "back");
});

bench(
  "resets a client that nobody serves, so that it does not take it for an empty answer",
  async (b) => {
    await b.apply();
    const socket = await b.client();
    const [error] = (await once(socket.resume(), "error")) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
  },
);

bench("hands on the end of one way while the other goes on", async (b) => {
  const { at } = await b.backend((socket) => {
    let all = "";
    socket.on("data", (data) => {
      all += data;
    });
    socket.on("end", () => setTimeout(() => socket.end(all.toUpperCase()), 100));
  });
  await b.apply(at);
  const socket = await b.client();
  socket.end("whole");
  assert.equal(await text(socket), "WHOLE");
});

bench("carries much data whole, and no more than the reader takes", async (b) => {
  const block = Buffer.alloc(1 << 20, "x");
  let sent = 0;
  const { at } = await b.backend((socket) => {
    const pump = (): void => {
      while (sent < 64) {
        sent += 1;
        if (!socket.write(block)) return void socket.once("drain", pump);
      }
      socket.end();
    };
    pump();
  });
  await b.apply(at);
  const socket = await b.client();
  socket.pause();
  await systemClock.sleep(500);
  assert.ok(sent < 40, `${sent} of 64 MiB went out to a client that reads nothing`);
  let received = 0;
  for await (const chunk of socket) received += (chunk as Buffer).length;
  assert.equal(received, 64 << 20);
});

bench("resets the client when its copy breaks off", async (b) => {
  const { at } = await b.backend((socket) => {
    socket.write("half");
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  await b.apply(at);
  const socket = await b.client();
  await assert.rejects(text(socket), { code: "ECONNRESET" });
});

bench("moves new connections to other copies, and leaves open ones where they are", async (b) => {
  const echo = (name: string) => (socket: Socket) => {
    socket.on("data", (data) => socket.write(`${name} ${String(data)}`));
    socket.on("end", () => socket.end());
  };
  const old = await b.backend(echo("old"));
  const fresh = await b.backend(echo("new"));
  await b.apply(old.at);
  const early = await b.client();
  early.write("1");
  assert.equal(String((await once(early, "data"))[0]), "old 1");
  const key = `127.0.0.1:${old.at.port}`;
  assert.equal((await b.apply(fresh.at)).open[key], 1);
  const late = await b.client();
  late.write("2");
  assert.equal(String((await once(late, "data"))[0]), "new 2");
  early.write("3");
  assert.equal(String((await once(early, "data"))[0]), "old 3");
  early.end();
  await until("no connection to the old copy", async () => {
    return (await b.forwarder.ask())?.open[key] === undefined;
  });
});

bench("says which port it cannot hold, and takes it when it is free", async (b) => {
  const copy = await b.backend(says("copy"));
  const other = createServer().listen(b.port, "127.0.0.1");
  await once(other, "listening");
  const key = `127.0.0.1:${b.port}`;
  assert.deepEqual((await b.apply(copy.at)).refused, { [key]: "EADDRINUSE" });
  assert.equal(await b.forwarder.holder({ host: "", port: b.port }), undefined);
  other.close();
  await until("the port", async () => (await b.forwarder.ask())?.refused[key] === undefined);
  assert.equal(await b.forwarder.holder({ host: "", port: b.port }), "shop");
  assert.equal(await ask(b), "copy");
});

bench("lets go of a port at once, and not of its connections", async (b) => {
  const { at } = await b.backend((socket) => void socket.pipe(socket));
  await b.apply(at);
  const socket = await b.client();
  await b.forwarder.apply([]);
  const again = createServer().listen(b.port, "127.0.0.1");
  await once(again, "listening");
  again.close();
  socket.write("still");
  assert.equal(String((await once(socket, "data"))[0]), "still");
});

bench("is found again by another agent, with its table", async (b) => {
  const { at } = await b.backend(says("copy"));
  await b.apply(at);
  const pid = pidOf(b);
  const other = createForwarder({ directory: b.directory, clock: systemClock });
  const [route] = (await other.ask())?.routes ?? [];
  assert.deepEqual(route, { app: "shop", host: "127.0.0.1", port: b.port, backends: [at] });
  await other.apply(route === undefined ? [] : [route]);
  assert.equal(pidOf(b), pid);
  assert.equal(await ask(b), "copy");
});

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  bench(`is started anew after a ${signal}`, async (b) => {
    const { at } = await b.backend(says("copy"));
    await b.apply(at);
    const pid = pidOf(b);
    process.kill(pid, signal);
    await systemClock.sleep(50);
    assert.equal(await b.forwarder.ask(), undefined);
    await b.apply(at);
    assert.notEqual(pidOf(b), pid);
    assert.equal(await ask(b), "copy");
  });
}

bench("outlives agents that die before its answer", async (b) => {
  const { at } = await b.backend((socket) => void socket.pipe(socket));
  await b.apply(at);
  const pid = pidOf(b);
  const client = await b.client();
  for (let died = 0; died < 20; died += 1) {
    await withSocketPath(b.directory, async (path) => {
      const agent = connect({ path });
      await once(agent, "connect");
      agent.write("{}\n", () => agent.destroy());
      await once(agent, "close");
    });
  }
  await b.forwarder.ask();
  client.write("still");
  assert.equal(String((await once(client, "data"))[0]), "still");
  assert.equal(pidOf(b), pid);
});

bench("tells at once that it was killed, whoever started it", async (b) => {
  const { at } = await b.backend(says("copy"));
  await b.apply(at);
  const other = createForwarder({ directory: b.directory, clock: systemClock });
  let isTold = false;
  other.onChange(() => {
    isTold = true;
  });
  await other.ask();
  process.kill(pidOf(b), "SIGKILL");
  await until("a word of its end", () => isTold);
});

bench("starts no process for an empty table", async (b) => {
  assert.deepEqual(await b.forwarder.apply([]), { routes: [], refused: {}, open: {} });
  assert.throws(() => pidOf(b), { code: "ENOENT" });
});

bench("takes little memory", async (b) => {
  const { at } = await b.backend(says("copy"));
  await b.apply(at);
  const status = readFileSync(`/proc/${pidOf(b)}/status`, "utf8");
  const residentKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  assert.ok(residentKb < 90_000, `${residentKb} kB`);
});
