// The packet gate and the limits of a connection, byte by byte and over real sockets.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { packetGate } from "#hub/broker/limit.ts";
import { suite } from "#test/suite.ts";
import {
  asDevice,
  asOperator,
  closed,
  connected,
  rawSocket,
  until,
  withBroker,
} from "./fixture.ts";

const test = suite("broker limits");

function packet(type: number, bytes: number): Buffer {
  const digits: number[] = [];
  for (let left = bytes; digits.length === 0 || left > 0; left = Math.floor(left / 128)) {
    digits.push((left % 128) + (left >= 128 ? 128 : 0));
  }
  return Buffer.concat([Buffer.from([type, ...digits]), Buffer.alloc(bytes, 1)]);
}

test("lets packets up to the limit through, however the stream is cut", () => {
  const stream = Buffer.concat([packet(0x10, 30), packet(0xc0, 0), packet(0x30, 997)]);
  for (const step of [1, 2, 3, 7, 100, stream.length]) {
    const gate = packetGate(1000);
    for (let at = 0; at < stream.length; at += step) {
      assert.equal(gate(stream.subarray(at, at + step)), null, `step ${step} at ${at}`);
    }
  }
});

test("stops at the header of a packet that is too large, before its first byte", () => {
  const gate = packetGate(1000);
  assert.equal(gate(packet(0x10, 30)), null);
  assert.equal(gate(packet(0x30, 998).subarray(0, 3)), "packet_too_large");
});

test("stops at a length of five digits and at anything that does not begin with CONNECT", () => {
  const gate = packetGate(1000);
  assert.equal(gate(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff])), "not_mqtt");
  assert.equal(packetGate(1000)(Buffer.from("GET / HTTP/1.1\r\n")), "not_mqtt");
});

test("a stranger is cut off before the hub holds what it sends", async () => {
  await withBroker(async ({ broker, port }) => {
    const http = await rawSocket(port);
    http.socket.write("GET / HTTP/1.1\r\n\r\n");
    await http.ended;
    const huge = await rawSocket(port);
    huge.socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await huge.ended;
    const much = await rawSocket(port);
    much.socket.write(packet(0x10, 20_000));
    await much.ended;
    assert.deepEqual(broker.refusals(), {
      not_mqtt: 1,
      packet_too_large: 1,
      too_much_before_login: 1,
    });
  });
});

test("who connects and says nothing is dropped in time", async () => {
  await withBroker(
    async ({ port }) => {
      const started = performance.now();
      const silent = await rawSocket(port);
      const half = await rawSocket(port);
      half.socket.write(Buffer.from([0x10, 40, 0]));
      await Promise.all([silent.ended, half.ended]);
      // Unless the limit is set they may stay for ten seconds.
      assert.ok(performance.now() - started < 9000);
    },
    { connectTimeoutMs: 200 },
  );
});

test("an admitted device that sends too large a packet loses its connection, others do not", async () => {
  await withBroker(async ({ broker, heard }) => {
    const bad = await connected(broker.url, asDevice("pi-1"));
    const good = await connected(broker.url, asDevice("pi-10"));
    bad.publish("fleet/v1/d/pi-1/journal", Buffer.alloc(600 * 1024), { qos: 1 });
    await closed(bad);
    assert.equal(broker.refusals()["packet_too_large"], 1);
    await good.publishAsync("fleet/v1/d/pi-10/journal", Buffer.alloc(500 * 1024), { qos: 1 });
    await until(() => heard.length === 1, "the other device's message");
    await good.endAsync(true);
  });
});

test("an operator who does not read is dropped, and no device waits for it", async () => {
  await withBroker(
    async ({ broker, heard }) => {
      const slow = await connected(broker.url, asOperator());
      await slow.subscribeAsync("fleet/v1/#");
      // The client hands its socket on by a pipe; without it nothing is read.
      (slow.stream as Socket).unpipe();
      slow.stream.pause();
      const device = await connected(broker.url, asDevice("pi-1"));
      const payload = Buffer.alloc(400 * 1024, 0x20);
      const started = performance.now();
      for (let sent = 0; sent < 40; sent += 1) {
        await device.publishAsync("fleet/v1/d/pi-1/journal", payload, { qos: 1 });
      }
      await until(() => heard.length === 40, "all messages");
      // Who waits for it waits until its keep-alive is over, after 90 s.
      assert.ok(performance.now() - started < 60_000);
      await until(() => broker.refusals()["slow_reader"] === 1, "the slow reader's end");
      await until(() => broker.connections() === 1, "its connection's end");
      await device.endAsync(true);
      slow.stream.destroy();
      await slow.endAsync(true);
    },
    { limits: { maxOutboundBytes: 1024 * 1024 } },
  );
});
