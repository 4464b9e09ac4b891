import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { collect, createClient, take } from "#hub/cli/api/client.ts";
import type { WatchMessage } from "#hub/cli/api/stream.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("API client of the command");

interface Asked {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
}

type Answer = (response: ServerResponse) => unknown;

/** A server that answers as it is told, request by request, and a client whose pauses take no time. */
async function withServer(
  answer: (request: Asked, at: number) => Answer,
  body: (world: {
    client: ReturnType<typeof createClient>;
    asked: Asked[];
    words: string[];
    pausesMs: number[];
    url: string;
  }) => Promise<void>,
  timeoutMs = 60_000,
): Promise<void> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const own = { method, path: url, headers };
    asked.push(own);
    answer(own, asked.length - 1)(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const pausesMs: number[] = [];
  const words: string[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void pausesMs.push(ms) };
  const client = createClient({
    ...{ url, token: "token", clock, timeoutMs, random: () => 0.5 },
    onWatch: (line) => words.push(line),
  });
  try {
    await body({ client, asked, words, pausesMs, url });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const json =
  (value: unknown, status = 200, type = "application/json"): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": type });
    response.end(JSON.stringify(value));
  };
const problem = (status: number, value: object): Answer =>
  json({ status, ...value }, status, "application/problem+json");
const away = problem(503, { code: "store_unavailable", detail: "the store is busy" });

test("pages are followed to the end, with the filters on each", async () => {
  const answer = ({ path }: Asked): Answer =>
    path.includes("cursor=two")
      ? json({ items: [{ id: "c" }], next: null })
      : json({ items: [{ id: "a" }, { id: "b" }], next: "two" });
  await withServer(answer, async ({ client, asked }) => {
    const devices = await collect(client.devices({ sync: "Synced", labelSelector: "a in (b, c)" }));
    assert.deepEqual(devices.map(({ id }) => id).join(), "a,b,c");
    for (const { path, headers } of asked) {
      const query = new URL(path, "http://x").searchParams;
      assert.deepEqual([query.get("sync"), query.get("labelSelector")], ["Synced", "a in (b, c)"]);
      assert.equal(headers["authorization"], "Bearer token");
    }
    assert.equal(asked.length, 2);
    assert.equal((await take(client.devices(), 2)).length, 2);
    assert.equal(asked.length, 3, "a reader that has enough asks for no further page");
  });
});

test("a read is tried again while the hub says 503, and gives up in the end", async () => {
  await withServer(
    (_, at) => (at < 2 ? away : json({ id: "pi-1" })),
    async ({ client, asked, pausesMs }) => {
      assert.equal((await client.device("pi-1")).id, "pi-1");
      assert.equal(asked.length, 3);
      assert.deepEqual(pausesMs, [250, 400]);
    },
  );
  await withServer(
    () => away,
    async ({ client, asked }) => {
      await assert.rejects(() => client.device("pi-1"), { code: "store_unavailable" });
      assert.equal(asked.length, 4);
    },
  );
});

test("what changes something is sent once", async () => {
  await withServer(
    () => away,
    async ({ client, asked }) => {
      await assert.rejects(() => client.setMode("pi-1", "hold", "why"), {
        message: "the store is busy",
      });
      await assert.rejects(() => client.fetchRepository(), { code: "store_unavailable" });
      assert.equal(asked.length, 2);
    },
  );
});

test("a hub that is slow gets no more work, and the error says what to do", async () => {
  await withServer(
    () => () => undefined,
    async ({ client, asked }) => {
      await assert.rejects(() => client.fleet(), {
        code: "hub_unreachable",
        message: /did not answer in time/,
        hint: /--request-timeout/,
      });
      assert.equal(asked.length, 1);
    },
    300,
  );
});

test("problems become errors with every field and the hub's own hint", async () => {
  const errors = [
    { field: "query.limit", message: "too big" },
    { field: "query.sort", message: "unknown" },
  ];
  const body = {
    code: "request_invalid",
    detail: "query.limit: too big",
    hint: "Ask for less.",
    errors,
  };
  await withServer(
    () => problem(400, body),
    async ({ client }) =>
      assert.rejects(() => client.fleet(), {
        code: "request_invalid",
        message: "query.limit: too big; query.sort: unknown",
        hint: "Ask for less.",
      }),
  );
});

test("a token that the hub does not know is said so, with the way to sign in", async () => {
  const body = { code: "unauthenticated", detail: "this route wants credentials", hint: "Bearer" };
  await withServer(
    () => problem(401, body),
    async ({ client, url }) =>
      assert.rejects(() => client.fleet(), {
        code: "unauthenticated",
        hint: new RegExp(`fleet login ${url}`),
      }),
  );
});

test("something else than a hub is named as that, and a redirect is not followed with the token", async () => {
  const strangers: Answer[] = [
    (response) => response.end("<html>"),
    (response) => response.writeHead(404, { "content-type": "text/html" }).end("no"),
    (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  ];
  for (const answer of strangers) {
    await withServer(
      () => answer,
      async ({ client, asked }) => {
        await assert.rejects(() => client.fleet(), { message: /does not speak as a hub/ });
        assert.equal(asked.length, 1);
      },
    );
  }
});

test("a hub that is not there is said so after a few tries", async () => {
  const pausesMs: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void pausesMs.push(ms) };
  const url = await closedAddress();
  const client = createClient({ url, token: "t", clock, timeoutMs: 60_000 });
  await assert.rejects(() => client.fleet(), {
    code: "hub_unreachable",
    message: /^the hub at http:\/\/127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)$/,
    hint: /Check that the hub runs/,
  });
  assert.equal(pausesMs.length, 3);
});

test("https where http is spoken is said so", async () => {
  await withServer(
    () => json({}),
    async ({ url }) => {
      const clock = { ...systemClock, sleep: async () => undefined };
      const https = url.replace("http:", "https:");
      const client = createClient({ url: https, token: "t", clock, timeoutMs: 60_000 });
      await assert.rejects(() => client.fleet(), {
        code: "hub_unreachable",
        hint: "What is there speaks http and not https.",
      });
    },
  );
});

async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

const stream =
  (...blocks: string[]): Answer =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": hello\n\n");
    for (const block of blocks) response.write(`${block}\n\n`);
    response.end();
  };

const event = (id: number): string => `id: ${id}\nevent: event\ndata: {"id":${id}}`;

test("a lost stream is opened again with the last event's id, and both are said once", async () => {
  const answers = [
    stream("event: ready\ndata: {}", event(7), event(8)),
    away,
    stream("event: ready\ndata: {}", event(9)),
  ];
  await withServer(
    (_, at) => answers[at] ?? json({}, 500),
    async ({ client, asked, words }) => {
      const seen: string[] = [];
      const stopping = new AbortController();
      for await (const message of client.watch({ afterEvent: 6 }, stopping.signal)) {
        seen.push(nameOf(message));
        if (seen.at(-1) === "event 9") stopping.abort();
      }
      assert.deepEqual(seen, ["ready", "event 7", "event 8", "ready", "event 9"]);
      const ids = asked.map(({ headers }) => headers["last-event-id"]);
      assert.deepEqual(ids, ["6", "8", "8"]);
      assert.deepEqual(words, ["Lost the hub; trying to come back …", "The hub is back."]);
    },
  );
});

function nameOf(message: WatchMessage): string {
  return message.event === "event" ? `event ${message.data.id}` : message.event;
}

test("a stream that the hub refuses is an error at once, also after a break", async () => {
  const refusal = problem(403, { code: "forbidden", detail: "not you" });
  for (const answers of [[refusal], [stream("event: ready\ndata: {}"), refusal]]) {
    await withServer(
      (_, at) => answers[at] ?? json({}, 500),
      async ({ client }) => {
        const all = collect(client.watch({}, new AbortController().signal));
        await assert.rejects(() => all, { code: "forbidden" });
      },
    );
  }
});

test("a reader that leaves after the stream broke ends it for good", async () => {
  const breaking: Answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("event: ready\ndata: {}\n\n", () => response.destroy());
  };
  await withServer(
    () => breaking,
    async ({ client, asked, words }) => {
      for await (const { event } of client.watch({}, new AbortController().signal)) {
        assert.equal(event, "ready");
        await systemClock.sleep(100);
        break;
      }
      await systemClock.sleep(100);
      assert.deepEqual([asked.length, words], [1, []]);
    },
  );
});
