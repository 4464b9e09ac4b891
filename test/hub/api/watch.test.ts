import * as assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createWatch } from "#hub/api/watch.ts";
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { serve } from "#test/support/serve.ts";
import { addDevice, commitOf } from "./fixtures.ts";
import { asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("watch stream");
let world: World;
test.before(async () => {
  world = await createWorld();
  await addDevice(world, "pi-1", { labels: { site: "north" } });
  await addDevice(world, "pi-2", { labels: { site: "south" } });
  // Or the news of their first phase would come in between.
  for (const id of ["pi-1", "pi-2"] as DeviceId[]) world.bus.emit("device", id);
  await world.runs.settle();
});
test.after(() => world.close());

test("HEAD opens no stream, and a client that is gone at once leaves none behind", async () => {
  const head = await world.app.request("/v1/watch", { method: "HEAD", headers: asOperator });
  assert.equal(head.headers.get("content-type"), "text/event-stream");
  assert.equal(world.watch.clients(), 0);
  const served = await serve(world.app);
  for (let n = 0; n < 20; n += 1) {
    const going = new AbortController();
    const asked = fetch(`${served.url}/v1/watch`, { headers: asOperator, signal: going.signal });
    setTimeout(() => going.abort(), n % 10);
    await asked.then((response) => response.body?.cancel()).catch(() => undefined);
  }
  for (let tries = 0; tries < 3000 && world.watch.clients() > 0; tries += 1) await sleep(20);
  assert.equal(world.watch.clients(), 0);
  served.close();
});

interface Message {
  event: string;
  id?: string;
  data: Record<string, unknown>;
}

/** Reads a stream message by message, as EventSource does. */
function reader(body: ReadableStream<Uint8Array>) {
  const source = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    cancel: () => source.cancel(),
    /** The next block, comments included; undefined at the end. */
    async next(): Promise<Message | string | undefined> {
      while (!text.includes("\n\n")) {
        const { done, value } = await source.read();
        if (done) return undefined;
        text += value;
      }
      const end = text.indexOf("\n\n");
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      return block.startsWith(":") ? block : messageOf(block);
    },
    async message(): Promise<Message> {
      const message = await this.next();
      assert.ok(message !== undefined && typeof message !== "string");
      return message;
    },
  };
}

function messageOf(block: string): Message {
  const lines = block.split("\n").map((line) => line.split(/: (.*)/s));
  const fields = Object.fromEntries(lines.map(([key, value]) => [key, value]));
  return { ...fields, data: JSON.parse(fields["data"] ?? "null") } as Message;
}

async function watch(query = "", headers: Record<string, string> = {}) {
  const response = await world.get(`/v1/watch${query}`, { ...asOperator, ...headers });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.ok(response.body);
  const stream = reader(response.body);
  assert.equal((await stream.message()).event, "ready");
  return stream;
}

async function happen(reason: string, device: string | null = "pi-1"): Promise<number> {
  const event: NewEvent = {
    at: startMs,
    device: device as DeviceId | null,
    app: null,
    source: "hub",
    type: "Normal",
    reason,
    message: `${reason} of ${device}`,
  };
  const [stored] = await world.store.addEvents([event]);
  assert.ok(stored);
  world.bus.emit("event", stored);
  return stored.id;
}

test("changes of devices, branches and events reach the watcher", async () => {
  const stream = await watch();
  world.bus.emit("device", "pi-1" as DeviceId);
  world.bus.emit("device", "pi-1" as DeviceId);
  const device = await stream.message();
  assert.deepEqual([device.event, device.data["id"]], ["device", "pi-1"]);
  const id = await happen("AgentStarted");
  const event = await stream.message();
  assert.deepEqual(
    [event.event, event.id, event.data["reason"]],
    ["event", `${id}`, "AgentStarted"],
  );
  const branch = { branch: "main", head: commitOf("a"), accepted: null, refusal: "bad" };
  await world.store.saveBranch({ ...branch, checkedAt: startMs });
  world.bus.emit("branch", "main");
  const told = await stream.message();
  assert.deepEqual([told.event, told.data["refusal"]], ["branch", "bad"]);
  await stream.cancel();
});

test("a selector keeps other devices and their events away", async () => {
  const stream = await watch("?labelSelector=site%3Dsouth");
  await happen("First", "pi-1");
  const id = await happen("Second", "pi-2");
  assert.equal((await stream.message()).id, `${id}`);
  world.bus.emit("device", "pi-1" as DeviceId);
  world.bus.emit("device", "pi-2" as DeviceId);
  assert.equal((await stream.message()).data["id"], "pi-2");
  await happen("OfTheHub", null);
  assert.equal((await stream.message()).data["reason"], "OfTheHub");
  await stream.cancel();
});

test("a client that comes back gets the events that it missed, once and in order", async () => {
  const seen = await happen("Seen");
  const missed: number[] = [];
  for (let n = 0; n < 450; n += 1) missed.push(await happen("Missed", n % 2 ? "pi-1" : null));
  const stream = await watch("", { "Last-Event-ID": `${seen}` });
  // Comes while the replay is under way.
  missed.push(await happen("Live"));
  const got: number[] = [];
  while (got.length < missed.length) got.push(Number((await stream.message()).id));
  assert.deepEqual(got, missed);
  const next = await happen("After");
  assert.equal((await stream.message()).id, `${next}`);
  await stream.cancel();
});

test("a replay keeps to the selector and to one device", async () => {
  const seen = await happen("Seen");
  await happen("North", "pi-1");
  const south = await happen("South", "pi-2");
  for (const query of ["labelSelector=site%3Dsouth", "device=pi-2"]) {
    const stream = await watch(`?${query}&afterEvent=${seen}`);
    assert.equal((await stream.message()).id, `${south}`, query);
    await stream.cancel();
  }
});

test("an idle stream is kept open by comments, and costs nothing once closed", async () => {
  const own = createWatch({ ...world, logger: quiet, heartbeatMs: 10 });
  const body = own.open({ selector: [] });
  assert.ok(body);
  const stream = reader(body);
  await stream.message();
  assert.equal(await stream.next(), ": still here");
  assert.equal(own.clients(), 1);
  await stream.cancel();
  assert.equal(own.clients(), 0);
});

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

test("a client that does not read is dropped, and others are not", async () => {
  const own = createWatch({ ...world, logger: quiet, coalesceMs: 1, maxBehindBytes: 8192 });
  const [slow, good] = [own.open({ selector: [] }), own.open({ selector: [] })];
  assert.ok(slow && good);
  const reading = reader(good);
  await reading.message();
  for (let n = 0; n < 60; n += 1) {
    const id = await happen("Flood");
    assert.equal((await reading.message()).id, `${id}`);
  }
  assert.equal(own.clients(), 1);
  let last: unknown;
  const late = reader(slow);
  for (let next = await late.next(); next !== undefined; next = await late.next()) last = next;
  assert.ok(last, "what was sent before stays readable");
  own.stop();
  assert.equal(await reading.next(), undefined);
});

test("a change of the whole fleet is one message, not thousands", async () => {
  const own = createWatch({ ...world, logger: quiet, coalesceMs: 1 });
  const body = own.open({ selector: [] });
  assert.ok(body);
  const stream = reader(body);
  await stream.message();
  for (let n = 0; n < 2000; n += 1) world.bus.emit("device", `many-${n}` as DeviceId);
  assert.equal((await stream.message()).event, "resync");
  own.stop();
});

test("there is a bound on watchers", async () => {
  const own = createWatch({ ...world, logger: quiet, maxClients: 1 });
  assert.ok(own.open({ selector: [] }));
  assert.equal(own.open({ selector: [] }), undefined);
  own.stop();
});

test("a client that knows ids of a store that is gone is told to read anew, and hears what comes", async () => {
  const newest = await happen("BeforeTheLoss");
  const stream = await watch("", { "Last-Event-ID": String(newest + 1000) });
  assert.equal((await stream.message()).event, "resync");
  const id = await happen("AfterTheLoss");
  assert.equal((await stream.message()).id, `${id}`);
  await stream.cancel();
});
