import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import { createSilence } from "#edge/sync/silence.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { withFarHub } from "./far_hub.ts";
import { desiredState, deviceId, seal, silent, startDevice, until } from "./fixture.ts";
import { startGateway } from "./gateway.ts";

const test = suite("silence of the hub");

const quick = { hubPatienceMs: 300, isolatedAfterMs: 2000 };
/** For a hub that answers all the time, and is heard late on a busy machine. */
const patient = { hubPatienceMs: 1000, isolatedAfterMs: 1200 };

function events(journal: Pick<Journal, "entries">): unknown[] {
  const entries = journal.entries({ kinds: ["event"], limit: 20 }).toReversed();
  return entries.map(({ body }) => body["reason"]);
}

function speak(journal: Journal): void {
  journal.append({ kind: "agent.started", body: {} });
}

test("is no contact, however well the broker answers; and is told once, with its length", () =>
  withFarHub(async (hub) => {
    const device = startDevice({ mqttUrl: hub.url, ...quick }, speak);
    const { sync, journal } = device;
    await until(() => sync.status().lastContactMonotonicMs !== undefined);
    hub.answers = false;
    const ways: string[] = [];
    sync.onChange(() => ways.push(sync.status().via));
    await until(() => /the hub behind it does not/.test(sync.status().problem ?? ""));
    const contact = sync.status().lastContactMonotonicMs;
    await until(() => sync.status().isolated);
    assert.equal(sync.status().lastContactMonotonicMs, contact);
    hub.proxy.cut();
    await until(() => hub.heard.conn.filter(({ state }) => state === "online").length === 2);
    await systemClock.sleep(200);
    assert.equal(sync.status().connected, false, "a new connection to the broker is no contact");
    assert.equal(hub.broker.connections(), 1);
    hub.answers = true;
    await until(() => sync.status().connected && !sync.status().isolated);
    assert.deepEqual(events(journal), ["HubLost", "HubFound"]);
    const [found] = journal.entries({ kinds: ["event"], limit: 1 });
    assert.ok(Number(found?.body["silenceMs"]) >= quick.isolatedAfterMs);
    assert.deepEqual(new Set(ways), new Set(["none", "mqtt"]));
    await device.remove();
  }));

test("that follows soon after another one is noticed as soon", () =>
  withFarHub(async (hub) => {
    const device = startDevice({ mqttUrl: hub.url, ...quick }, speak);
    const { sync, journal } = device;
    for (let round = 0; round < 3; round += 1) {
      await until(() => sync.status().connected && !sync.status().isolated);
      hub.answers = false;
      const from = performance.now();
      await until(() => sync.status().isolated);
      assert.ok(performance.now() - from < 10_000);
      hub.answers = true;
    }
    await until(() => !sync.status().isolated);
    const told = ["HubLost", "HubFound"];
    assert.deepEqual(events(journal), [...told, ...told, ...told]);
    await device.remove();
  }));

test("does not come about on a connection that is merely quiet, at little cost", () =>
  withFarHub(async (hub) => {
    const device = startDevice({ mqttUrl: hub.url, ...patient }, speak, () => 60_000);
    await until(() => device.journal.unacknowledged() === 0);
    const asked = hub.heard.journal.length;
    await systemClock.sleep(3000);
    assert.equal(device.sync.status().isolated, false);
    assert.equal(device.sync.status().via, "mqtt");
    const probes = hub.heard.journal.length - asked;
    assert.ok(probes >= 3 && probes <= 12, `${probes} probes in 10 quarters`);
    assert.deepEqual(events(device.journal), []);
    await device.remove();
  }));

test("lets HTTP step in beside the broker, and ends as soon as the hub answers by MQTT", async () => {
  const gateway = await startGateway();
  try {
    await withFarHub(async (hub) => {
      hub.answers = false;
      const fallback = { failures: 3, afterMs: 100 };
      const config = { mqttUrl: hub.url, hubUrl: gateway.url, fallback, ...quick };
      const device = startDevice(config, speak);
      await until(() => device.sync.status().via === "http");
      await systemClock.sleep(quick.isolatedAfterMs + 300);
      assert.equal(device.sync.status().isolated, false, "an HTTP answer is the hub's own");
      hub.broker.publishDesired(deviceId, seal(desiredState(1)));
      await until(() => device.sync.status().via === "mqtt");
      assert.equal(device.journal.desired()?.generation, 1);
      await device.remove();
    });
  } finally {
    await gateway.stop();
  }
});

test("is not ended by what the broker had kept", () =>
  withFarHub(async (hub) => {
    hub.answers = false;
    hub.broker.publishDesired(deviceId, seal(desiredState(1)));
    const device = startDevice({ mqttUrl: hub.url, ...quick });
    await until(() => device.journal.desired()?.generation === 1);
    assert.equal(device.sync.status().lastContactMonotonicMs, undefined);
    await until(() => device.sync.status().isolated);
    await device.remove();
  }));

test("goes on over a restart of the agent, and is told once all the same", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-silence-"));
  const file = join(directory, "journal.sqlite");
  const live = async (body: (silence: ReturnType<typeof createSilence>) => Promise<void>) => {
    const journal = openJournal({ file, clock: systemClock });
    const quiet = { onChange: () => undefined, onJournalGrew: () => undefined };
    const options = { journal, clock: systemClock, logger: silent, afterMs: () => 50, ...quiet };
    const over = new AbortController();
    const silence = createSilence(options);
    const work = silence.run(over.signal);
    await body(silence);
    over.abort();
    await work;
    const found = events(journal);
    const [last] = journal.entries({ kinds: ["event"], limit: 1 });
    journal.close();
    return { found, silenceMs: Number(last?.body["silenceMs"]) };
  };
  try {
    await live((silence) => until(silence.isolated));
    const middle = await live(async (silence) => {
      assert.equal(silence.isolated(), true);
      await systemClock.sleep(120);
    });
    assert.deepEqual(middle.found, ["HubLost"]);
    const { found, silenceMs } = await live(async (silence) => {
      await systemClock.sleep(60);
      silence.heard();
      assert.equal(silence.isolated(), false);
    });
    assert.deepEqual(found, ["HubLost", "HubFound"]);
    assert.ok(silenceMs >= 100, `${silenceMs} ms`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("is none of the hub's while the device's disk takes no acknowledgement", () =>
  withFarHub(async (hub) => {
    const device = startDevice({ mqttUrl: hub.url, ...patient }, (journal) => {
      journal.acknowledge = () => {
        throw new FleetError("journal_unusable", { message: "read-only", retry: "later" });
      };
      speak(journal);
    });
    const { sync } = device;
    await until(() => sync.status().lastContactMonotonicMs !== undefined);
    const ways: string[] = [];
    sync.onChange(() => ways.push(sync.status().via));
    await systemClock.sleep(2 * patient.isolatedAfterMs);
    assert.deepEqual([ways, sync.status().via, sync.status().isolated], [[], "mqtt", false]);
    await device.remove();
  }));

test("that lasts over a restart is found again under any number of other events", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-silence-"));
  const journal = openJournal({ file: join(directory, "journal.sqlite"), clock: systemClock });
  const tell = (reason: string): void =>
    void journal.append({ kind: "event", body: { type: "Normal", reason, message: "m" } });
  tell("HubLost");
  for (let more = 0; more < 200; more += 1) tell("DriftFound");
  const ending = new AbortController();
  const silence = createSilence({
    ...{ journal, clock: systemClock, logger: silent, afterMs: () => 60_000 },
    onChange: () => undefined,
    onJournalGrew: () => undefined,
  });
  const running = silence.run(ending.signal);
  assert.equal(silence.isolated(), true);
  ending.abort();
  await running;
  journal.close();
  rmSync(directory, { recursive: true });
});
