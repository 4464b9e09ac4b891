import * as assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { suite } from "#test/suite.ts";
import { addDevice } from "./fixtures.ts";
import { asOperator, createWorld, enrol, startMs, type World } from "./world.ts";

const test = suite("webhook, codes and monitoring");
let world: World;
test.before(async () => {
  world = await createWorld();
});
test.after(() => world.close());

function hook(body: string, headers: Record<string, string>): Response | Promise<Response> {
  return world.app.request("/v1/git/webhook", { method: "POST", body, headers });
}

const sign = (body: string, secret: string): string =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

test("a push makes the hub fetch, by token or by signature", async () => {
  const body = '{"ref":"refs/heads/main"}';
  assert.equal((await hook(body, asOperator)).status, 202);
  const signed = { "X-Hub-Signature-256": sign(body, "webhook-secret") };
  assert.equal((await hook(body, signed)).status, 202);
  assert.equal((await hook("", asOperator)).status, 202);
  assert.equal(world.pokes, 3);
});

test("a wrong, short or missing signature makes the hub do nothing", async () => {
  const before = world.pokes;
  for (const signature of [sign("other", "webhook-secret"), sign("{}", "wrong"), "sha256=00", ""]) {
    const response = await hook("{}", { "X-Hub-Signature-256": signature });
    assert.equal(response.status, 401);
  }
  assert.equal(world.pokes, before);
});

test("a sign-in code opens one session within ten minutes", async () => {
  const make = async () => {
    const response = await world.post("/v1/sign-in-codes", {}, asOperator);
    assert.equal(response.status, 201);
    return (await response.json()) as { code: string; path: string; expiresAt: number };
  };
  const first = await make();
  assert.equal(first.path, `/sign-in?code=${first.code}`);
  assert.equal(first.expiresAt, startMs + 600_000);
  assert.equal(world.sessions.redeemCode(first.code), "admin");
  assert.equal(world.sessions.redeemCode(first.code), undefined);
  const late = await make();
  world.clock.advance(600_001);
  assert.equal(world.sessions.redeemCode(late.code), undefined);
});

test("targets are the devices that can be scraped, with their site", async () => {
  await addDevice(world, "pi-1");
  await addDevice(world, "pi-2", { labels: {} });
  await enrol(world, "silent", { site: "north" });
  const targets = await (await world.get("/v1/prometheus/targets", asOperator)).json();
  assert.deepEqual(targets, [
    { targets: ["pi-1.local:7090"], labels: { device: "pi-1", site: "north" } },
    { targets: ["pi-2.local:7090"], labels: { device: "pi-2" } },
  ]);
});

test("metrics come in the exporter's own type", async () => {
  const response = await world.get("/metrics", asOperator);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4");
  assert.equal(await response.text(), "up 1\n");
});

test("health is open to anyone", async () => {
  for (const path of ["/healthz", "/readyz"]) {
    assert.deepEqual(await (await world.get(path)).json(), { status: "ok" });
  }
});
