import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { startBroker } from "./broker.ts";
import { desiredState, seal, startDevice, until } from "./fixture.ts";

const test = suite("sync: the hub asks how things are");

test("what stands and is said again is a question; what was retained or is new is none", async () => {
  const broker = await startBroker();
  const standing = seal(desiredState(4));
  broker.desire(standing);
  const device = startDevice({ mqttUrl: broker.url });
  let asked = 0;
  device.sync.onAsked(() => {
    asked += 1;
  });
  try {
    await until(() => device.journal.desired()?.generation === 4);
    assert.equal(asked, 0);
    broker.desire(standing);
    await until(() => asked === 1);
    const next = seal(desiredState(5));
    broker.desire(next);
    await until(() => device.journal.desired()?.generation === 5);
    assert.equal(asked, 1);
    broker.desire(standing);
    broker.desire(next);
    await until(() => asked === 2);
  } finally {
    await device.remove();
    await broker.stop();
  }
});
