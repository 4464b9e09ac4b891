import * as assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { createProxy, type FaultProxy, type Faults } from "#scripts/faults/proxy.ts";
import { suite } from "#test/suite.ts";

const test = suite("fault proxy");

interface Line {
  proxy: FaultProxy;
  /** Opens a connection through the proxy. */
  dial(): Promise<Socket>;
  /** The server's end of the connections, oldest first. */
  served: Socket[];
}

async function withLine(body: (line: Line) => Promise<void>): Promise<void> {
  const served: Socket[] = [];
  const dialled: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket.on("error", () => undefined));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const proxy = createProxy({ target: { host: "127.0.0.1", port } });
  const address = await proxy.start();
  const dial = async (): Promise<Socket> => {
    const socket = connect({ ...address, noDelay: true }).on("error", () => undefined);
    dialled.push(socket);
    const count = served.length;
    while (served.length === count && !socket.closed) await wait(2);
    return socket;
  };
  try {
    await body({ proxy, dial, served });
  } finally {
    for (const socket of [...served, ...dialled]) socket.destroy();
    await proxy.stop();
    server.close();
  }
}

function collect(socket: Socket | undefined): { text(): string; bytes(): number } {
  const chunks: Buffer[] = [];
  socket?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return {
    text: () => Buffer.concat(chunks).toString(),
    bytes: () => chunks.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(2);
}

test("carries bytes and a half-closed end both ways, counts them, and forgets closed connections", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const [up, down] = [collect(served[0]), collect(client)];
    client.end("question");
    await until(() => served[0]?.readableEnded === true);
    served[0]?.end("answer");
    await until(() => down.text() === "answer");
    assert.equal(up.text(), "question");
    assert.deepEqual(proxy.passed(), { up: 8, down: 6 });
    await until(() => proxy.connections() === 0);
  }));

test("swallows one direction of a live connection, its end included, and lets the other one live", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const [up, down] = [collect(served[0]), collect(client)];
    client.write("before");
    await until(() => up.text() === "before");
    proxy.set({ up: { swallow: true } });
    client.write("lost");
    served[0]?.write("heard");
    await until(() => down.text() === "heard");
    client.destroy();
    await wait(50);
    assert.equal(up.text(), "before");
    assert.equal(served[0]?.closed, false);
    assert.equal(proxy.connections(), 1);
  }));

test("resets a connection that goes on after bytes were lost, and takes new ones", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    // Until it has come to the proxy in time to be lost.
    while (!client.closed) {
      proxy.set({ up: { swallow: true } });
      client.write("lost");
      await wait(30);
      proxy.set({});
      client.write("more");
      await wait(30);
    }
    await until(() => served[0]?.closed === true);
    const next = await dial();
    const up = collect(served[1]);
    next.write("sound");
    await until(() => up.text() === "sound");
  }));

test("holds bytes back and delivers them when the partition is over", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const up = collect(served[0]);
    proxy.set({ up: { hold: true } });
    client.end("late");
    await wait(50);
    assert.equal(up.text(), "");
    proxy.set({});
    await until(() => served[0]?.readableEnded === true);
    assert.equal(up.text(), "late");
  }));

test("delays each byte, and not one after the other", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const up = collect(served[0]);
    proxy.set({ up: { delayMs: 1000 } });
    const began = performance.now();
    for (const letter of "abcde") {
      client.write(letter);
      await wait(10);
    }
    await until(() => up.text() === "abcde");
    const tookMs = performance.now() - began;
    assert.ok(tookMs >= 1030 && tookMs < 5000, `${tookMs} ms`);
  }));

test("takes back a delay from what is already under way", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const up = collect(served[0]);
    proxy.set({ up: { delayMs: 60_000 } });
    client.write("soon");
    await wait(30);
    proxy.set({});
    await until(() => up.text() === "soon");
  }));

test("keeps to its bytes per second, evenly", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const up = collect(served[0]);
    proxy.set({ up: { bytesPerSecond: 20_000 } });
    const began = performance.now();
    let early = 0;
    served[0]?.on("data", () => {
      early = Math.max(early, up.bytes() - 20 * (performance.now() - began));
    });
    client.write(Buffer.alloc(10_000));
    await until(() => up.bytes() > 0);
    assert.ok(up.bytes() <= 6000, `${up.bytes()} bytes at once`);
    await until(() => up.bytes() === 10_000);
    const tookMs = performance.now() - began;
    assert.ok(early <= 2000, `${early} bytes too early`);
    assert.ok(tookMs >= 400 && tookMs < 10_000, `${tookMs} ms`);
  }));

for (const end of ["cut", "hang"] as const) {
  test(`truncates in the middle of a message, and then: ${end}`, () =>
    withLine(async ({ proxy, dial, served }) => {
      const client = await dial();
      const up = collect(served[0]);
      proxy.set({ up: { truncate: { afterBytes: 5, end } } });
      client.write("truncated");
      await until(() => up.text() === "trunc");
      if (end === "cut") await until(() => served[0]?.readableEnded === true);
      await wait(30);
      assert.equal(served[0]?.readableEnded, end === "cut");
      assert.equal(up.text(), "trunc");
      assert.equal(proxy.truncations(), 1);
    }));
}

test("refuses new connections, keeps the live ones, and cuts those when told to", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    proxy.set({ refuse: true });
    const refused = await dial();
    assert.equal(refused.closed, true);
    const up = collect(served[0]);
    client.write("still here");
    await until(() => up.text() === "still here");
    proxy.cut();
    await until(() => client.closed);
    await until(() => proxy.connections() === 0);
  }));

test("holds a sender back when nobody reads, and loses nothing of it", () =>
  withLine(async ({ proxy, dial, served }) => {
    const client = await dial();
    const total = 64 * 1024 * 1024;
    const half = Buffer.alloc(1024 * 1024, 7);
    served[0]?.pause();
    let sent = 0;
    const send = (): void => {
      while (sent < total) {
        sent += half.byteLength;
        if (!client.write(half)) return void client.once("drain", send);
      }
    };
    send();
    await wait(300);
    assert.ok(sent < total / 2, `${sent} bytes went into nowhere`);
    assert.ok(proxy.passed().up < total / 2);
    const up = collect(served[0]);
    served[0]?.resume();
    await until(() => up.bytes() === total);
  }));

test("tells the client when nobody listens behind it", async () => {
  const proxy = createProxy({ target: { host: "127.0.0.1", port: 1 } });
  const client = connect(await proxy.start()).on("error", () => undefined);
  await until(() => client.closed);
  await until(() => proxy.connections() === 0);
  await proxy.stop();
  await proxy.stop();
});

test("listens at the same place after a stop", () =>
  withLine(async ({ proxy, dial }) => {
    const before = await dial();
    await proxy.stop();
    await until(() => before.closed);
    await proxy.start();
    const after = await dial();
    assert.equal(after.remotePort, before.remotePort ?? after.remotePort);
  }));

test("survives any order of faults without keeping a connection", () =>
  withLine(async ({ proxy, dial }) => {
    const all: Faults[] = [
      { up: { swallow: true }, down: { hold: true } },
      { down: { truncate: { afterBytes: 0, end: "cut" } } },
      { up: { delayMs: 20 }, down: { bytesPerSecond: 100 } },
      {},
    ];
    for (let i = 0; i < 40; i++) {
      const client = await dial();
      client.write("x".repeat(i));
      proxy.set(all[i % all.length] ?? {});
    }
    proxy.set({});
    proxy.cut();
    await until(() => proxy.connections() === 0);
  }));
