// A real process posts by what its environment says.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTelemetry } from "#edge/telemetry/telemetry.ts";
import { systemClock } from "#shared/clock.ts";
import { appReport } from "#test/edge/telemetry/bench.ts";
import { benchTests, until } from "./fixture.ts";

const test = benchTests("process runtime: telemetry");

const script = `
const { FLEET_TELEMETRY_SOCKET: socketPath, FLEET_TELEMETRY_URL: url } = process.env;
const body = JSON.stringify({ state: "operational", counters: { index: +process.env.METRICA_FLEET_INDEX } });
require("http").request(url, { socketPath, method: "POST" }, (answer) => answer.resume()).end(body);
`;

test("each copy posts as itself", async ({ runtime, app }) => {
  const runDirectory = mkdtempSync(join(tmpdir(), "tele-"));
  const telemetry = createTelemetry({ runDirectory, clock: systemClock, warn: () => undefined });
  try {
    const shop = app({ web: { fleet: { command: ["node", "-e", script] } } });
    await telemetry.observe([appReport(shop.app, { web: 2 })]);
    const one = runtime({ runDirectory });
    for (const index of [1, 2]) await one.start(shop, { service: "web", index });
    await until("both have posted", async () => telemetry.workloads().length === 2);
    assert.deepEqual(
      telemetry.workloads().map(({ service, instance, counters }) => [service, instance, counters]),
      [
        ["web", 1, { index: 1 }],
        ["web", 2, { index: 2 }],
      ],
    );
  } finally {
    await telemetry.stop();
    rmSync(runDirectory, { recursive: true, force: true });
  }
});
