import * as assert from "node:assert/strict";
import { openApi } from "#edge/page/openapi.ts";
import { createRoutes } from "#edge/page/routes.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { startDevice, type TestDevice } from "./device.ts";
import { clockAt, fixedToken, statusOf, tokenText } from "./fixture.ts";

const test = suite("local commands");
type Options = NonNullable<Parameters<typeof startDevice>[1]>;

async function withDevice(use: (device: TestDevice) => Promise<void>, options: Options = {}) {
  const device = await startDevice(statusOf(), options);
  try {
    await use(device);
  } finally {
    await device.stop();
  }
}

const bearer = { authorization: `Bearer ${tokenText}` };
const formType = { "content-type": "application/x-www-form-urlencoded" };

interface Problem {
  status: number;
  code: string;
  detail: string;
  hint?: string;
}

async function post(url: string, body: unknown = {}, headers: Record<string, string> = bearer) {
  const type = { "content-type": "application/json" };
  return fetch(url, {
    method: "POST",
    headers: { ...type, ...headers },
    body: JSON.stringify(body),
  });
}

async function submit(
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string>,
) {
  const body = new URLSearchParams(fields);
  return fetch(url, {
    method: "POST",
    headers: { ...formType, ...headers },
    body,
    redirect: "manual",
  });
}

async function problemOf(response: Response): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = (await response.json()) as Problem;
  assert.equal(problem.status, response.status);
  return problem;
}

/** A browser that has signed in on the page. */
async function signedIn(url: string): Promise<Record<string, string>> {
  const response = await submit(`${url}/sign-in`, { token: tokenText }, { origin: url });
  assert.equal(response.status, 303);
  const cookie = response.headers.get("set-cookie") ?? "";
  assert.match(cookie, /^fleet_page_pi-1=[^;]+;.*HttpOnly;.*SameSite=Strict/);
  return { cookie: cookie.split(";")[0] ?? "" };
}

test("with the token a program restarts, tries again, enters and leaves safe mode", () =>
  withDevice(async ({ url, asked }) => {
    for (const [path, body] of [
      ["services/web/web/restart", {}],
      ["retry", {}],
      ["retry", { app: "web" }],
      ["safe-mode", { do: "enter", reason: " hot motor " }],
      ["safe-mode", { do: "leave" }],
      ["deep-check", {}],
    ] as const) {
      const response = await post(`${url}/v1/${path}`, body);
      assert.equal(response.status, 202, path);
      assert.equal(typeof ((await response.json()) as { message: string }).message, "string");
    }
    const expected = [
      "restart web/web",
      "retry all",
      "retry web",
      "enter: hot motor",
      "leave",
      "check",
    ];
    assert.deepEqual(asked, expected);
  }));

test("without the token nothing is changed and no log is read", () =>
  withDevice(async ({ url, asked }) => {
    for (const path of ["retry", "deep-check", "safe-mode", "services/web/web/restart"]) {
      const response = await post(`${url}/v1/${path}`, { do: "leave" }, {});
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
      const { code, hint } = await problemOf(response);
      assert.equal(code, "unauthenticated");
      assert.match(hint ?? "", /\/boot\/firmware\/fleet-token/);
    }
    assert.equal((await problemOf(await fetch(`${url}/v1/logs`))).code, "unauthenticated");
    const page = await fetch(`${url}/logs`);
    assert.equal(page.status, 401);
    assert.match(await page.text(), /<label for="token">/);
    assert.deepEqual(asked, []);
  }));

test("a form of the page works, and one of another site does not even with the cookie", () =>
  withDevice(async ({ url, asked }) => {
    const cookie = await signedIn(url);
    const go = (headers: Record<string, string>) =>
      submit(`${url}/v1/retry`, {}, { ...cookie, ...headers });
    const ok = await go({ origin: url, "sec-fetch-site": "same-origin" });
    assert.deepEqual([ok.status, ok.headers.get("location")], [303, "/?done=retry"]);
    for (const headers of [
      { origin: "http://evil.example" },
      { origin: "null" },
      { origin: url, "sec-fetch-site": "cross-site" },
      { origin: url, "sec-fetch-site": "same-site" },
      {},
    ] as Record<string, string>[]) {
      const refused = await go(headers);
      assert.equal(refused.status, 403);
      assert.match(await refused.text(), /sent by another site/);
    }
    assert.deepEqual(asked, ["retry all"]);
    const stranger = await submit(
      `${url}/sign-in`,
      { token: tokenText },
      { origin: "http://a.example" },
    );
    assert.deepEqual([stranger.status, stranger.headers.get("set-cookie")], [403, null]);
  }));

test("after five wrong tokens the sixth try waits, whatever the wall clock says", async () => {
  let nowMs = 0;
  await withDevice(
    async ({ url }) => {
      const attempt = (token: string) => submit(`${url}/sign-in`, { token }, { origin: url });
      for (let tries = 0; tries < 5; tries += 1) {
        assert.equal((await attempt("wrong-wrong-wrong")).status, 401);
        nowMs += 1000;
      }
      const blocked = await attempt(tokenText);
      assert.equal(blocked.status, 429);
      assert.match(await blocked.text(), /five wrong tokens.*Wait 55 s/is);
      const program = await problemOf(await post(`${url}/v1/retry`));
      assert.deepEqual([program.status, program.code], [429, "rate_limited"]);
      nowMs = 60_001;
      assert.equal((await attempt(tokenText)).status, 303);
    },
    { clock: clockAt(() => nowMs) },
  );
});

test("what is not there is named with what is", () =>
  withDevice(async ({ url, asked }) => {
    const service = await problemOf(await post(`${url}/v1/services/web/db/restart`));
    assert.deepEqual([service.code, service.hint], ["not_found", "There is: web."]);
    const app = await problemOf(await post(`${url}/v1/retry`, { app: "db" }));
    assert.deepEqual([app.status, app.detail], [404, "there is no app db on this device"]);
    assert.deepEqual(asked, []);
  }));

test("a body that is no JSON, too large or not what is asked for is refused with the reason", () =>
  withDevice(async ({ url, asked }) => {
    const headers = { ...bearer, "content-type": "application/json" };
    const broken = await fetch(`${url}/v1/retry`, { method: "POST", headers, body: "{" });
    assert.equal((await problemOf(broken)).detail, "the body is not JSON");
    const wrong = await problemOf(await post(`${url}/v1/safe-mode`, { do: "enter" }));
    assert.match(wrong.detail, /^reason: /);
    const large = await problemOf(await post(`${url}/v1/retry`, { app: "x".repeat(20_000) }));
    assert.equal(large.status, 413);
    assert.equal((await problemOf(await fetch(`${url}/v1/logs?app=web`, { headers }))).status, 400);
    assert.equal((await problemOf(await fetch(`${url}/v1/logs?tail=0`, { headers }))).status, 400);
    assert.deepEqual(asked, []);
  }));

test("the agent's refusal reaches program and person with its hint", async () => {
  const no = (): never => {
    throw new FleetError("runtime_unavailable", { message: "Docker is away", hint: "Start it." });
  };
  const actions = {
    retry: no,
    deepCheck: no,
    restartService: no,
    safeMode: { enter: no, leave: no },
  };
  await withDevice(
    async ({ url }) => {
      const problem = await problemOf(await post(`${url}/v1/services/web/web/restart`));
      assert.deepEqual([problem.status, problem.hint], [503, "Start it."]);
      const headers = { ...(await signedIn(url)), origin: url };
      const page = await submit(`${url}/v1/services/web/web/restart`, {}, headers);
      assert.equal(page.status, 503);
      assert.match(await page.text(), /role="alert">Docker is away. Start it\./);
    },
    { actions: () => actions },
  );
});

test("before the loop has begun there is no button, and a request says what to wait for", () =>
  withDevice(
    async ({ url }) => {
      const problem = await problemOf(await post(`${url}/v1/retry`));
      assert.deepEqual([problem.status, problem.code], [409, "precondition_failed"]);
      const page = await (await fetch(url, { headers: await signedIn(url) })).text();
      assert.doesNotMatch(page, /\/v1\/retry"|restart"/);
    },
    { actions: () => undefined },
  ));

test("a runtime that hangs holds neither a restart nor a log up for ever", async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const actions = {
    ...{ retry: never, restartService: never },
    deepCheck: never,
    safeMode: { enter: never, leave: never },
  };
  const clock = { monotonicMs: () => 0, sleep: async () => undefined };
  await withDevice(
    async ({ url }) => {
      assert.equal((await post(`${url}/v1/services/web/web/restart`)).status, 202);
      const logs = await fetch(`${url}/v1/logs?app=web&service=web`, { headers: bearer });
      assert.equal((await problemOf(logs)).code, "runtime_timeout");
    },
    { actions: () => actions, readLogs: () => never, clock },
  );
});

test("a restart that fails after its answer is told to the agent's log", async () => {
  const late = Promise.withResolvers<never>();
  const told = Promise.withResolvers<FleetError>();
  const actions = {
    retry: () => undefined,
    deepCheck: () => undefined,
    safeMode: { enter: () => undefined, leave: () => undefined },
    restartService: () => late.promise,
  };
  await withDevice(
    async ({ url }) => {
      assert.equal((await post(`${url}/v1/services/web/web/restart`)).status, 202);
      late.reject(new FleetError("start_failed", { message: "no such device" }));
      assert.equal((await told.promise).code, "start_failed");
    },
    {
      actions: () => actions,
      clock: { monotonicMs: () => 0, sleep: async () => undefined },
      onError: told.resolve,
    },
  );
});

test("logs come as lines with their time, the last ones last", () =>
  withDevice(async ({ url }) => {
    const read = async (query: string): Promise<string[]> => {
      const response = await fetch(`${url}/v1/logs${query}`, { headers: bearer });
      return ((await response.json()) as { lines: string[] }).lines;
    };
    assert.deepEqual(await read("?app=web&service=web&tail=2"), [
      "1970-01-01 00:00:00 web says 2",
      "1970-01-01 00:00:00 web says 3",
    ]);
    assert.deepEqual(await read(""), ["2023-11-14 22:13:20 info agent started version=1"]);
  }));

test("the API's description names every route, and no other", () => {
  const routes = createRoutes({
    status: statusOf,
    pulse: () => ({ lastMonotonicMs: 0, intervalMs: 1, stepDeadlineMs: 1 }),
    metrics: { render: async () => "", contentType: "text/plain" },
    token: fixedToken,
    clock: clockAt(() => 0),
  });
  const served = routes.routes
    .filter(({ method, path }) => method !== "ALL" && /^\/(v1|healthz|metrics)/.test(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries(openApi.paths).map(
    ([path, methods]) => `${"post" in methods ? "POST" : "GET"} ${path}`,
  );
  assert.deepEqual([...new Set(served)].sort(), described.sort());
});
