import * as assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import { desiredState, seal, startDevice, type TestDevice, until } from "./fixture.ts";
import { startGateway } from "./gateway.ts";

const test = suite("poison from the hub's side");

async function withDevice(
  body: (device: TestDevice, broker: TestBroker) => Promise<void>,
): Promise<void> {
  const broker = await startBroker();
  const device = startDevice({ mqttUrl: broker.url });
  try {
    await until(() => broker.heard.conn !== undefined);
    await body(device, broker);
  } finally {
    await device.remove();
    await broker.stop();
  }
}

function received({ journal }: TestDevice): unknown[] {
  const entries = journal.entries({ kinds: ["desired.received"], limit: 20 });
  return entries.toReversed().map(({ body }) => body["generation"]);
}

test("desired states that come twice, late or in the wrong order are kept once, and only rise", () =>
  withDevice(async (device, broker) => {
    for (const generation of [3, 1, 2, 3, 5, 4, 5, 3, 6])
      broker.desire(seal(desiredState(generation)));
    await until(() => device.journal.desired()?.generation === 6);
    assert.deepEqual(received(device), [3, 5, 6]);
    assert.deepEqual(device.journal.entries({ kinds: ["event", "desired.refused"], limit: 9 }), []);
  }));

test("an old generation over HTTP is left aside, and fetched no second time", async () => {
  const gateway = await startGateway();
  const device = startDevice({ hubUrl: gateway.url, pollMs: 20 });
  try {
    gateway.desire(5);
    await until(() => device.journal.desired()?.generation === 5);
    gateway.desire(4);
    const count = gateway.reports.length;
    await until(() => gateway.reports.length > count + 5);
    assert.equal(device.journal.desired()?.generation, 5);
    assert.equal(gateway.fetches.filter((status) => status === 200).length, 2);
  } finally {
    await device.remove();
    await gateway.stop();
  }
});

test("acknowledgements that are malformed, foreign or huge move nothing and end nothing", () =>
  withDevice(async (device, broker) => {
    const { journal, sync } = device;
    broker.answers = false;
    journal.append({ kind: "event", body: {} });
    sync.journalGrew();
    await until(() => broker.heard.journal !== undefined);
    const { epoch } = journal;
    const [socket] = broker.sockets;
    broker.acknowledge({ epoch: "another", seq: 1 });
    broker.acknowledge({ epoch, seq: -1 } as never);
    broker.acknowledge({ epoch, seq: "1" } as never);
    broker.acknowledge({ epoch: "x".repeat(200_000), seq: 1 });
    broker.acknowledge(null as never);
    await systemClock.sleep(200);
    assert.equal(journal.unacknowledged(), 1);
    broker.answers = true;
    broker.acknowledge({ epoch, seq: 1 });
    await until(() => journal.unacknowledged() === 0);
    assert.deepEqual([...broker.sockets], [socket]);
  }));

const connack = Buffer.from([0x20, 2, 0, 0]);
/** SUBACK for the first subscription of a client, with two topics. */
const suback = (id: number): Buffer => Buffer.from([0x90, 4, id >> 8, id & 255, 1, 1]);

const poisons: Record<string, (socket: Socket) => void> = {
  "bytes that are no packet": (socket) => socket.write(Buffer.alloc(4096, 0xff)),
  "one bad packet after another": (socket) => {
    for (let i = 0; i < 20; i++) socket.write(Buffer.from([0x00, 0x00, 0xf0, 0x01, 0x00]));
  },
  "a packet that never ends": (socket) => {
    socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    const pour = (): void => {
      while (socket.writable && socket.write(Buffer.alloc(64 * 1024)));
      socket.once("drain", pour);
    };
    pour();
  },
};

for (const [name, poison] of Object.entries(poisons)) {
  test(`a broker that sends ${name} costs a connection, and neither the process nor its memory`, async () => {
    let connections = 0;
    let poured = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      connections += 1;
      sockets.add(socket.on("error", () => undefined));
      socket.once("data", () => {
        socket.write(connack);
        socket.once("data", (subscribe) => {
          socket.write(suback(subscribe.readUInt16BE(2)));
          poison(socket);
        });
      });
      socket.once("close", () => {
        poured = Math.max(poured, socket.bytesWritten);
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const device = startDevice({ mqttUrl: `mqtt://127.0.0.1:${port}` });
    try {
      await until(() => connections >= 3);
      assert.ok(poured < 16 * 1024 * 1024, `${poured} bytes were taken`);
    } finally {
      await device.remove();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
}
