// Who may publish, subscribe to and read what, as one table.
import assert from "node:assert/strict";
import type { Principal } from "#hub/broker/port.ts";
import { mayRead, maySubscribe, publishRefusal, streamOf, uplinkOf } from "#hub/broker/rules.ts";
import type { DeviceId } from "#shared/ids.ts";
import { channels } from "#shared/topic.ts";
import { wire } from "#shared/wire.ts";
import { suite } from "#test/suite.ts";

const device: Principal = { kind: "device", id: "pi-1" as DeviceId };
const operator: Principal = { kind: "operator", name: "ops" };

const test = suite("broker rules");

test("a device publishes on its own five channels and nowhere else", () => {
  const allowed = channels.filter((channel) => {
    const { qos, retain } = wire[channel];
    const message = { topic: `fleet/v1/d/pi-1/${channel}`, qos, retain, payload: "{}" };
    return publishRefusal(device, message) === null;
  });
  assert.deepEqual(allowed, ["reported", "conn", "beat", "journal", "out"]);
});

test("a device may not publish for another, on odd topics, with another delivery or too much", () => {
  const refusal = (topic: string, qos = 0, retain = false, payload = "{}") =>
    publishRefusal(device, { topic, qos, retain, payload });
  assert.equal(refusal("fleet/v1/d/pi-10/beat"), "foreign_topic");
  assert.equal(refusal("fleet/v1/d/pi-1/beat/more"), "foreign_topic");
  assert.equal(refusal("$SYS/pi-1/beat"), "foreign_topic");
  assert.equal(refusal("/fleet/v1/d/pi-1/beat"), "foreign_topic");
  assert.equal(refusal("fleet/v1/d/pi-1/beat", 1), "wrong_delivery");
  assert.equal(refusal("fleet/v1/d/pi-1/beat", 0, true), "wrong_delivery");
  assert.equal(refusal("fleet/v1/d/pi-1/reported", 1, false), "wrong_delivery");
  assert.equal(refusal("fleet/v1/d/pi-1/journal", 2), "wrong_delivery");
  assert.equal(refusal("fleet/v1/d/pi-1/beat", 0, false, "é".repeat(2049)), "message_too_large");
  assert.equal(refusal("fleet/v1/d/pi-1/beat", 0, false, "é".repeat(2048)), null);
});

test("an operator publishes nothing", () => {
  const message = { topic: "fleet/v1/d/pi-1/beat", qos: 0, retain: false, payload: "" };
  assert.equal(publishRefusal(operator, message), "operator_published");
});

const filters: [string, boolean, boolean][] = [
  ["fleet/v1/d/pi-1/desired", true, true],
  ["fleet/v1/d/pi-1/ack", true, true],
  ["fleet/v1/d/pi-1/cmd", true, true],
  ["fleet/v1/d/pi-1/out", false, true],
  ["fleet/v1/d/pi-10/cmd", false, true],
  ["fleet/v1/d/pi-1/reported", false, true],
  ["fleet/v1/d/pi-10/desired", false, true],
  ["fleet/v1/d/pi-1/+", false, true],
  ["fleet/v1/d/pi-1/#", false, true],
  ["fleet/v1/d/+/desired", false, true],
  ["fleet/v1/#", false, true],
  ["fleet/+/d/pi-1/desired", false, false],
  ["fleet/#", false, false],
  ["#", false, false],
  ["+/v1/d/pi-1/desired", false, false],
  ["$SYS/#", false, false],
  ["$share/g/fleet/v1/#", false, false],
];
for (const [filter, forDevice, forOperator] of filters) {
  test(`subscription to ${filter}`, () => {
    assert.equal(maySubscribe(device, filter), forDevice);
    assert.equal(maySubscribe(operator, filter), forOperator);
  });
}

test("forwarding is judged by the topic itself", () => {
  assert.equal(mayRead(device, "fleet/v1/d/pi-1/desired"), true);
  assert.equal(mayRead(device, "fleet/v1/d/pi-10/desired"), false);
  assert.equal(mayRead(device, "fleet/v1/d/pi-1/journal"), false);
  assert.equal(mayRead(operator, "fleet/v1/d/pi-1/journal"), true);
  assert.equal(mayRead(operator, "$SYS/x/new/clients"), false);
});

test("only what devices send is an uplink", () => {
  assert.deepEqual(uplinkOf("fleet/v1/d/pi-1/beat"), { device: "pi-1", channel: "beat" });
  assert.equal(uplinkOf("fleet/v1/d/pi-1/desired"), undefined);
  assert.equal(uplinkOf("fleet/v1/d/PI/beat"), undefined);
  assert.equal(uplinkOf("fleet/v1/d/pi-1/out"), undefined);
});

test("a live stream is no uplink, and a command is neither", () => {
  assert.equal(streamOf("fleet/v1/d/pi-1/out"), "pi-1");
  assert.equal(streamOf("fleet/v1/d/pi-1/cmd"), undefined);
  assert.equal(streamOf("fleet/v1/d/pi-1/beat"), undefined);
});
