import * as assert from "node:assert/strict";
import { createServer } from "node:net";
import { createLocalApi, type LocalApiOptions } from "#edge/page/api.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { clockAt, fixedToken, statusOf } from "./fixture.ts";

const test = suite("local API");
const freePage = { host: "127.0.0.1", port: 0 };

function apiWith(options: Partial<LocalApiOptions> = {}): ReturnType<typeof createLocalApi> {
  return createLocalApi({
    page: freePage,
    status: () => statusOf(),
    pulse: () => ({ lastMonotonicMs: 0, intervalMs: 1000, stepDeadlineMs: 5000 }),
    metrics: createAgentMetrics(),
    token: fixedToken,
    clock: clockAt(() => 100),
    ...options,
  });
}

async function withApi(
  use: (base: string) => Promise<void>,
  options: Partial<LocalApiOptions> = {},
): Promise<void> {
  const api = apiWith(options);
  const { host, port } = await api.start();
  try {
    await use(`http://${host}:${port}`);
  } finally {
    await api.stop();
  }
}

test("is alive while the loop is late by no more than three intervals and a step", async () => {
  let now = 8000;
  await withApi(
    async (base) => {
      const alive = await fetch(`${base}/healthz`);
      assert.deepEqual([alive.status, await alive.json()], [200, { alive: true }]);
      now = 8001;
      const dead = await fetch(`${base}/healthz`);
      const reason = "no loop has ended for 8 s; 8 s are allowed";
      assert.deepEqual([dead.status, await dead.json()], [503, { alive: false, reason }]);
    },
    { clock: clockAt(() => now) },
  );
});

test("gives the whole status as JSON", () =>
  withApi(async (base) => {
    const response = await fetch(`${base}/v1/status`);
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(await response.json(), { ...statusOf(), loop: { alive: true } });
  }));

test("the page says in words what the status says", () =>
  withApi(async (base) => {
    const text = await (await fetch(base)).text();
    for (const words of [
      "<title>pi-1: Degraded</title>",
      "This device is not up to date: web: no image &lt;b&gt;web:2&lt;/b&gt;.",
      "It last heard from the hub 61 s ago: connection refused.",
      "cccccccccccc</code> of main",
      "1 of 2",
      "the hub does not answer",
      "answered 500",
      "10 GB of 40 GB used, 30 GB free",
    ]) {
      assert.ok(text.includes(words), words);
    }
  }));

test("the page escapes what others wrote, and says when the loop has stopped", () =>
  withApi(
    async (base) => {
      const text = await (await fetch(base)).text();
      assert.ok(text.includes("no image &lt;b&gt;web:2&lt;/b&gt;"));
      assert.match(
        text,
        /id="sentence">The agent has stopped working: no loop has ended for 1000 s/,
      );
    },
    { clock: clockAt(() => 1_000_000) },
  ));

test("the page needs no inline script or style, and nothing from elsewhere", () =>
  withApi(async (base) => {
    const response = await fetch(base);
    const text = await response.text();
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; style-src 'self'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(text, /<script(?! src="\/)|style=|javascript:|(?:src|href)="(?!\/|#main)/);
    for (const [path, type] of [
      ["/style.css", /^text\/css/],
      ["/page.js", /^text\/javascript/],
      ["/icon.svg", /^image\/svg/],
    ] as const) {
      assert.match((await fetch(`${base}${path}`)).headers.get("content-type") ?? "", type);
    }
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("referrer-policy"), "same-origin");
    assert.equal(response.headers.get("strict-transport-security"), null);
  }));

for (const [generation, words] of [
  [7, "No app is wanted here."],
  [0, "Not known yet."],
] as const) {
  test(`a device with nothing on it has a page too, at generation ${generation}`, () =>
    withApi(
      async (base) => {
        const text = await (await fetch(base)).text();
        assert.ok(text.includes(words) && text.includes("None yet."));
      },
      { status: () => ({ ...emptyStatus(), generation }) },
    ));
}

function emptyStatus(): ReturnType<typeof statusOf> {
  const { host: _host, ...status } = statusOf({ apps: [], updates: [], conditions: [] });
  return { ...status, connection: { connected: true, via: "mqtt" } };
}

test("an unknown path is a problem document", () =>
  withApi(async (base) => {
    const response = await fetch(`${base}/nothing`);
    assert.equal(response.status, 404);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = (await response.json()) as { code: string; detail: string };
    assert.equal(problem.code, "not_found");
    assert.equal(problem.detail, "there is no /nothing here");
  }));

test("a fault of ours is told to the agent and answered as a problem", async () => {
  const errors: FleetError[] = [];
  await withApi(
    async (base) => {
      const response = await fetch(`${base}/v1/status`);
      assert.equal(response.status, 500);
      assert.equal(((await response.json()) as { code: string }).code, "internal");
      assert.deepEqual(
        errors.map((error) => error.message),
        ["no status"],
      );
      assert.equal((await fetch(`${base}/healthz`)).status, 200);
    },
    {
      status: () => {
        throw new Error("no status");
      },
      onError: (error) => errors.push(error),
    },
  );
});

test("a taken port is named with what to do", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as { port: number };
  try {
    await assert.rejects(
      apiWith({ page: { host: "127.0.0.1", port } }).start(),
      (error: FleetError) => {
        assert.equal(error.code, "port_taken");
        assert.ok(error.message.startsWith(`port ${port} on 127.0.0.1 is already taken`));
        assert.match(error.hint ?? "", /page\.port in agent\.yaml/);
        return true;
      },
    );
  } finally {
    await new Promise((resolve) => holder.close(resolve));
  }
});

test("an address that is not this machine's is refused", async () => {
  const api = apiWith({ page: { host: "192.0.2.1", port: 0 } });
  await assert.rejects(api.start(), { code: "config_invalid" });
});

test("starts and stops more than once, also with a connection open", async () => {
  const api = apiWith();
  const first = await api.start();
  assert.deepEqual(await api.start(), first);
  await (await fetch(`http://127.0.0.1:${first.port}/healthz`)).text();
  const started = performance.now();
  await api.stop();
  await api.stop();
  const keepAliveMs = 5000;
  assert.ok(performance.now() - started < keepAliveMs);
  await assert.rejects(fetch(`http://127.0.0.1:${first.port}/healthz`));
  await api.start();
  await api.stop();
});
