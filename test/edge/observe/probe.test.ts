// A role's probes against real servers, sockets and scripts.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProbes } from "#edge/observe/probe.ts";
import type { Route } from "#edge/runtime/forward/table.ts";
import type { LogLine } from "#edge/runtime/port.ts";
import type { Probe } from "#shared/role.ts";
import { resolvedApp } from "#test/edge/runtime/process/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("probes");

interface Tried {
  directory?: string;
  values?: Record<string, string>;
  lines?: string[];
  detours?: Route[];
}

async function tryProbe(
  probe: Probe,
  { directory = "/", values = {}, lines = [], detours = [] }: Tried = {},
) {
  const app = { ...resolvedApp(directory, {}), values };
  const readLogs = async (): Promise<LogLine[]> =>
    lines.map((text) => ({ at: 1, stream: "stdout", text }));
  const [result] = await runProbes(
    { app, probes: [probe] },
    { readLogs, detours: async () => detours },
  );
  assert.ok(result);
  return result;
}

async function withServer(
  listener: RequestListener,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("http passes with 2xx and 3xx, and follows no redirect", async () => {
  let asked = 0;
  const listener: RequestListener = (_request, response) => {
    asked += 1;
    response.writeHead(302, { location: "/elsewhere" }).end();
  };
  await withServer(listener, async (url) => {
    const result = await tryProbe({ http: url });
    assert.deepEqual(result, { probe: `http ${url}`, ok: true, detail: `${url} answered 302` });
    assert.equal(asked, 1);
  });
});

test("asks the copies of the release itself while its port leads to another one", async () => {
  const answer =
    (status: number): RequestListener =>
    (_request, response) => {
      response.writeHead(status).end();
    };
  await withServer(answer(200), (good) =>
    withServer(answer(500), async (bad) => {
      const backend = (url: string) => ({ host: "127.0.0.1", port: Number(new URL(url).port) });
      const route = { app: "shop", host: "", port: backend(bad).port };
      const to = (...urls: string[]) => ({ detours: [{ ...route, backends: urls.map(backend) }] });
      const local = bad.replace("127.0.0.1", "localhost");
      assert.equal((await tryProbe({ http: bad })).ok, false);
      assert.equal((await tryProbe({ http: local }, to(good))).ok, true);
      assert.equal((await tryProbe({ tcp: `127.0.0.1:${route.port}` }, to(good))).ok, true);
      const one = await tryProbe({ http: bad }, to(good, bad));
      assert.match(one.detail, /answered 500/);
      const none = await tryProbe({ http: bad }, to());
      assert.match(none.detail, /^no copy of this release listens for port \d+ yet$/);
    }),
  );
});

test("a detour may lead to another address than the probe's", async () => {
  const server = createServer((request, response) => {
    response.writeHead(request.headers.host === "127.0.0.1:9" ? 200 : 400).end();
  }).listen(0, "127.0.0.2");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const backends = [{ host: "127.0.0.2", port }];
    const detours = [{ app: "shop", host: "", port: 9, backends }];
    const result = await tryProbe({ http: "http://127.0.0.1:9/" }, { detours });
    assert.deepEqual(result.detail, "http://127.0.0.1:9/ answered 200");
  } finally {
    server.close();
  }
});

test("http fails in a sentence that names status and reason", async () => {
  await withServer(
    (_request, response) => void response.writeHead(500).end("database missing\nmore"),
    async (url) => {
      const result = await tryProbe({ http: url });
      assert.equal(result.ok, false);
      assert.equal(result.detail, `${url} answered 500, wanted 2xx or 3xx: database missing`);
    },
  );
});

test("http wants exactly the status that the role gives", async () => {
  await withServer(
    (_request, response) => void response.writeHead(200).end(),
    async (url) => {
      const result = await tryProbe({ http: url, status: 204 });
      assert.equal(result.detail, `${url} answered 200, wanted 204`);
    },
  );
});

test("http does not wait for a silent server, nor for a body without end", async () => {
  await withServer(
    () => undefined,
    async (url) => {
      const result = await tryProbe({ http: url, timeoutSeconds: 0.2 });
      assert.equal(result.detail, `${url} did not answer within 0.2 s`);
    },
  );
  const endless: RequestListener = (_request, response) => {
    const timer = setInterval(() => response.write("x".repeat(1000)), 5);
    response.on("close", () => clearInterval(timer));
  };
  await withServer(endless, async (url) => {
    assert.ok((await tryProbe({ http: url })).ok);
    const result = await tryProbe({ http: url, status: 204 });
    assert.match(result.detail, /answered 200, wanted 204: x{200}$/);
  });
});

test("http and tcp say that nobody listens", async () => {
  const result = await tryProbe({ http: "http://127.0.0.1:1/" });
  assert.equal(result.detail, "http://127.0.0.1:1/ refused the connection");
  assert.equal(
    (await tryProbe({ tcp: "127.0.0.1:1" })).detail,
    "127.0.0.1:1 refused the connection",
  );
  assert.equal((await tryProbe({ tcp: "somewhere" })).detail, "somewhere is not host:port");
});

test("a probe that makes no sense is a finding, not an exception", async () => {
  const result = await tryProbe({ http: "no url" });
  assert.equal(result.ok, false);
  const pattern = await tryProbe({ log: "(", service: "web" }, { lines: ["x"] });
  assert.match(pattern.detail, /^log web \/\(\/ could not be tried: /);
});

test("tcp passes when a connection opens", async () => {
  const server = createTcpServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const result = await tryProbe({ tcp: target });
  assert.deepEqual(result, {
    probe: `tcp ${target}`,
    ok: true,
    detail: `${target} accepts connections`,
  });
  server.close();
});

test("log passes once a line matches", async () => {
  const probe: Probe = { log: "^ready in \\d+ ms$", service: "web" };
  const before = await tryProbe(probe, { lines: ["starting"] });
  assert.equal(before.detail, "the output of web does not match /^ready in \\d+ ms$/ so far");
  assert.ok((await tryProbe(probe, { lines: ["starting", "ready in 12 ms"] })).ok);
});

test("script runs in the release with the app's values, and its end is its verdict", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-probe-"));
  const script = (name: string, text: string, timeoutSeconds = 30) => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(directory, name), 0o755);
    return tryProbe({ script: `./${name}`, timeoutSeconds }, { directory, values: { PORT: "81" } });
  };
  try {
    assert.ok((await script("good.sh", 'test "$PORT" = 81 && pwd >where')).ok);
    assert.equal(readFileSync(join(directory, "where"), "utf8").trim(), directory);
    const bad = await script("bad.sh", "echo looking; echo no disk >&2; exit 3");
    assert.equal(bad.detail, "./bad.sh ended with code 3: no disk");
    const slow = await script("slow.sh", "(sleep 1; touch late) & wait", 0.5);
    assert.equal(slow.detail, "./slow.sh did not end within 0.5 s");
    await new Promise((resolve) => setTimeout(resolve, 900));
    assert.ok(!existsSync(join(directory, "late")), "its children were ended too");
    const outside = await tryProbe({ script: "../../bin/true" }, { directory });
    assert.equal(outside.detail, "../../bin/true lies outside the release");
    const missing = await tryProbe({ script: "./none.sh" }, { directory });
    assert.equal(missing.detail, "./none.sh could not start (ENOENT)");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
