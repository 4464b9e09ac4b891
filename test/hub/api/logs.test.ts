// The log route: what it asks of the device, both forms of its answer, and its refusals.
import * as assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveLogs, LogItem, LogRequest } from "#hub/logs/port.ts";
import { createPages } from "#hub/web/pages.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { serve } from "#test/support/serve.ts";
import { addDevice } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, type World } from "./world.ts";

const test = suite("logs of a device in the API");

const items: LogItem[] = [
  { kind: "line", line: { at: 1000, stream: "stdout", from: "shop/web.1", text: "<b>one" } },
  { kind: "line", line: { at: 2000, stream: "stderr", from: "shop/web.2", text: "two" } },
  { kind: "dropped", bytes: 12_345 },
  { kind: "end", reason: "lost", message: "the connection to the device was lost" },
];

interface Scripted extends LiveLogs {
  asked: LogRequest[];
  taken: number;
  closed: number;
  refusal: FleetError | undefined;
  /** Lines without end in place of the items. */
  isEndless: boolean;
  /** How long the device takes to answer. */
  openMs: number;
}

function scripted(): Scripted {
  const logs: Scripted = {
    ...{ asked: [], taken: 0, closed: 0, refusal: undefined, isEndless: false, openMs: 0 },
    counts: () => ({ streams: 0, readers: 0, lines: 0, droppedBytes: 0 }),
    stop: () => undefined,
    open: async (_device, request) => {
      if (logs.refusal !== undefined) throw logs.refusal;
      logs.asked.push(request);
      if (logs.openMs > 0) await sleep(logs.openMs);
      async function* read(): AsyncGenerator<LogItem> {
        for (const item of items) {
          logs.taken += 1;
          if (!logs.isEndless) yield item;
        }
        while (logs.isEndless) {
          logs.taken += 1;
          yield { kind: "line", line: { at: 1, text: "x".repeat(1000) } };
        }
      }
      const reading = read();
      let isClosed = false;
      const close = (): void => {
        if (!isClosed) logs.closed += 1;
        isClosed = true;
      };
      return { [Symbol.asyncIterator]: () => reading, close };
    },
  };
  return logs;
}

async function withWorld(body: (world: World, logs: Scripted) => Promise<void>): Promise<void> {
  const logs = scripted();
  const world = await createWorld({ logs, pages: createPages });
  try {
    await addDevice(world, "pi-1");
    await body(world, logs);
  } finally {
    await world.close();
  }
}

const path = "/v1/devices/pi-1/logs";

test("plain text has a line for each line, and words for what was lost and how it ended", async () => {
  await withWorld(async (world, logs) => {
    const answer = await world.get(`${path}?app=shop&service=web&since=5&tail=7`, asOperator);
    assert.equal(answer.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(
      await answer.text(),
      [
        "1970-01-01T00:00:01.000Z shop/web.1 <b>one",
        "1970-01-01T00:00:02.000Z shop/web.2 err two",
        "-- 12345 bytes were lost here",
        "-- lost: the connection to the device was lost",
        "",
      ].join("\n"),
    );
    const source = { kind: "service", app: "shop", service: "web" };
    assert.deepEqual(logs.asked, [{ source, follow: false, tail: 7, sinceMs: 5 }]);
    assert.equal(logs.closed, 1);
  });
});

test("server-sent events carry the same as data, to the end", async () => {
  await withWorld(async (world, logs) => {
    const headers = { ...asOperator, Accept: "text/event-stream" };
    const answer = await world.get(`${path}?source=agent&follow=true`, headers);
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    const messages = (await answer.text()).trim().split("\n\n");
    assert.deepEqual(
      messages.map((message) => message.split("\n")[0]),
      ["event: line", "event: line", "event: dropped", "event: end"],
    );
    const data = messages.map((message) => JSON.parse(message.split("\ndata: ")[1] ?? ""));
    assert.deepEqual(data[0], { at: 1000, stream: "stdout", from: "shop/web.1", text: "<b>one" });
    assert.deepEqual(data[2], { bytes: 12_345 });
    assert.deepEqual(data[3], { reason: "lost", message: "the connection to the device was lost" });
    assert.deepEqual(logs.asked[0], { source: { kind: "agent" }, follow: true, tail: 100 });
  });
});

test("no more is taken from the device than the client reads, and its leaving closes the log", async () => {
  await withWorld(async (world, logs) => {
    logs.isEndless = true;
    const answer = await world.get(`${path}?follow=true`, asOperator);
    const reader = answer.body?.getReader();
    for (let part = 0; part < 3; part += 1) await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(logs.taken < 12, `${logs.taken} lines were taken`);
    await reader?.cancel();
    assert.equal(logs.closed, 1);
  });
});

test("clients that leave before, while and after the device answers leave no reader behind", async () => {
  await withWorld(async (world, logs) => {
    Object.assign(logs, { isEndless: true, openMs: 5 });
    const served = await serve(world.app);
    for (let n = 0; n < 20; n += 1) {
      const going = new AbortController();
      const headers = { ...asOperator, ...(n % 2 === 0 ? { Accept: "text/event-stream" } : {}) };
      const url = `${served.url}${path}?follow=true`;
      const asked = fetch(url, { headers, signal: going.signal });
      setTimeout(() => going.abort(), n);
      await asked.then((response) => response.text()).catch(() => undefined);
    }
    for (let tries = 0; tries < 3000 && logs.closed < logs.asked.length; tries += 1)
      await sleep(20);
    assert.equal(logs.closed, logs.asked.length);
    served.close();
  });
});

test("a device without a connection is a problem that says since when", async () => {
  await withWorld(async (world, logs) => {
    logs.refusal = new FleetError("device_unreachable", {
      ...{ message: "pi-1 is Offline: last seen 2 h ago", hint: "See its events." },
    });
    const answer = await world.get(path, asOperator);
    assert.equal(answer.status, 503);
    const { code, detail, hint } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual(
      [code, detail, hint],
      [...["device_unreachable", "pi-1 is Offline: last seen 2 h ago", "See its events."]],
    );
    logs.refusal = new FleetError("limit_reached", { message: "there are already 8" });
    assert.equal((await world.get(path, asOperator)).status, 429);
  });
});

test("wrong questions are refused before any device is asked", async () => {
  await withWorld(async (world, logs) => {
    for (const query of [
      ...["service=web", "source=agent&app=shop", "tail=1001", "tail=-1", "follow=yes", "source=x"],
    ]) {
      assert.equal((await world.get(`${path}?${query}`, asOperator)).status, 400, query);
    }
    assert.equal((await world.get(path, asDevice("pi-1"))).status, 401);
    assert.equal((await world.get(path)).status, 401);
    assert.deepEqual(logs.asked, []);
  });
});

test("the page shows the last lines without a script, as text, and why there are none", async () => {
  await withWorld(async (world, logs) => {
    const cookie = { Cookie: `fleet_session=${world.sessions.open("ops")}` };
    const page = await (await world.get("/devices/pi-1/logs?of=shop/web&tail=50", cookie)).text();
    assert.match(page, /shop\/web\.1<\/b> &lt;b&gt;one/);
    assert.match(page, /12 kB were lost here/);
    assert.match(
      page,
      /data-stream="\/v1\/devices\/pi-1\/logs\?app=shop&amp;service=web&amp;tail=50&amp;follow=true"/,
    );
    assert.deepEqual(logs.asked[0]?.tail, 50);
    logs.refusal = new FleetError("device_unreachable", { message: "pi-1 is Offline" });
    const away = await (await world.get("/devices/pi-1/logs", cookie)).text();
    const words = away.replaceAll(/<\/?bdi>/g, "");
    assert.match(words, /No log now<\/strong>: pi-1 is Offline/);
    assert.equal((await world.get("/devices/none/logs", cookie)).status, 404);
  });
});
