// What a device tells of the chain of causes: its page as HTML and as JSON, and the last report to the hub.
import * as assert from "node:assert/strict";
import { html } from "hono/html";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createStatusView } from "#edge/agent/status_view.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import { createRoutes } from "#edge/page/routes.ts";
import type { LocalStatus } from "#edge/page/status.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Cause } from "#shared/reported.ts";
import { fixedToken } from "#test/edge/page/fixture.ts";
import type { World } from "./world.ts";

/** The chain of `web`, or the device's own where it has no app, after all three tellers were found to agree. */
export async function toldBy(world: World): Promise<Cause[]> {
  const status = statusOf(world);
  const [app] = status.apps;
  const why = app === undefined ? (status.why ?? []) : (app.why ?? []);
  const sent = world.reports.at(-1);
  assert.equal(sent?.apps.length, status.apps.length);
  if (app !== undefined) {
    assert.deepEqual(sent?.apps[0]?.why?.map(withoutNumbers), why.map(withoutNumbers));
    const [first] = status.why ?? [];
    assert.ok(first?.message.endsWith(why[0]?.message ?? "nothing"), first?.message);
  }
  const routes = routesOver(world, status);
  const read = (await (await routes.request("/v1/status")).json()) as LocalStatus;
  assert.deepEqual(app === undefined ? read.why : read.apps[0]?.why, why);
  const page = await (await routes.request("/?refresh=off")).text();
  const list = await listOf(app?.name ?? "this-device", why);
  // The banner of safe mode says it for a device without apps.
  if (app !== undefined || status.safeMode === undefined) assert.ok(page.includes(list), page);
  return why;
}

async function listOf(of: string, why: readonly Cause[]): Promise<string> {
  const items = why.map(({ reason, message }) => html`<li data-reason="${reason}">${message}</li>`);
  return String(await html`<ol class="why" aria-labelledby="why-${of}">${items}</ol>`);
}

/** As main puts it together, over what the world has. */
function statusOf(world: World): LocalStatus {
  const parts = {
    ...{ clock: world.clock, journal: world.journal(), device: "pi-1" as DeviceId },
    ...{ agentVersion: "1", runtimeNames: ["docker"] },
    sync: { status: () => world.link },
    settings: () => ({ labels: {} }),
  } as unknown as AgentParts;
  const agent = world.agent();
  const given = { hostname: () => "pi", reserveBytes: () => 0, lastDeepCheck: () => undefined };
  return createStatusView({ parts, agent, ...given })();
}

function routesOver({ clock }: World, status: LocalStatus): ReturnType<typeof createRoutes> {
  const lastMonotonicMs = clock.monotonicMs();
  return createRoutes({
    status: () => status,
    pulse: () => ({ lastMonotonicMs, intervalMs: 10_000, stepDeadlineMs: 120_000 }),
    metrics: createAgentMetrics(),
    token: fixedToken,
    clock,
  });
}

/** A report is not sent again because seconds have passed. */
function withoutNumbers({ reason, message }: Cause): Cause {
  return { reason, message: message.replaceAll(/\d+/g, "0") };
}
