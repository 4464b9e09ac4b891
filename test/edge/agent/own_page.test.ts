// The device's page beside a program that holds its port.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { createOwnPage } from "#edge/agent/own_page.ts";
import { createLocalApi } from "#edge/page/api.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import { systemClock } from "#shared/clock.ts";
import { clockAt, fixedToken, statusOf } from "#test/edge/page/fixture.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("the device's own page");

function pageAt(port: number, errors: string[]) {
  const api = createLocalApi({
    page: { host: "127.0.0.1", port },
    status: () => statusOf(),
    pulse: () => ({ lastMonotonicMs: 0, intervalMs: 1000, stepDeadlineMs: 5000 }),
    metrics: createAgentMetrics(),
    token: fixedToken,
    clock: clockAt(() => 100),
  });
  const log = {
    info: () => undefined,
    error: (detail: Record<string, unknown>) => void errors.push(String(detail["code"])),
  };
  const clock = { sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(20, signal) };
  return createOwnPage({ api, clock, log });
}

/** As a workload that got the port while no agent ran. */
async function hold() {
  const [port] = await takePorts(1);
  const holder = createServer().listen(port, "127.0.0.1");
  await once(holder, "listening");
  const free = async (): Promise<void> => {
    holder.close();
    await once(holder, "close");
  };
  return { port, free };
}

test("keeps nobody from starting while its port is taken, says so once, and comes when it is free", async () => {
  const errors: string[] = [];
  const { port, free } = await hold();
  const page = pageAt(port, errors);
  await page.start();
  await systemClock.sleep(100);
  assert.deepEqual([page.address(), errors], [undefined, ["port_taken"]]);
  await free();
  for (const end = performance.now() + 60_000; page.address() === undefined; ) {
    assert.ok(performance.now() < end, "the page never came");
    await systemClock.sleep(20);
  }
  assert.equal(page.address(), `127.0.0.1:${port}`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/v1/status`)).status, 200);
  await page.stop();
});

test("that never came ends with the agent", async () => {
  const { port, free } = await hold();
  const page = pageAt(port, []);
  await page.start();
  await page.stop();
  await free();
  await systemClock.sleep(60);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/v1/status`));
});
