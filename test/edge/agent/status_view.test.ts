import * as assert from "node:assert/strict";
import type { Agent } from "#edge/agent/agent.ts";
import type { DeepCheck, DeepCheckResult } from "#edge/agent/deep_check.ts";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createStatusView } from "#edge/agent/status_view.ts";
import { scratch } from "#test/edge/journal/fixture.ts";
import { statusOf } from "#test/edge/page/fixture.ts";
import { suite } from "#test/suite.ts";
import { createFastClock } from "./clock.ts";

const test = suite("status view");

function viewOver(
  journal: AgentParts["journal"],
  lastDeepCheck: DeepCheck["last"] = () => undefined,
): ReturnType<typeof createStatusView> {
  const { device, agentVersion, runtimes: runtimeNames, host } = statusOf();
  const link = { connected: true, via: "mqtt", lastContactMonotonicMs: 1, isolated: false };
  const parts = {
    ...{ clock: createFastClock(), journal, device, agentVersion, runtimeNames },
    sync: { status: () => link },
    settings: () => ({ labels: {} }),
  } as unknown as AgentParts;
  const agent = {
    reported: () => undefined,
    beat: () => ({ host }),
    why: () => [],
  } as unknown as Agent;
  const given = { hostname: () => "pi", reserveBytes: () => 2e8, lastDeepCheck };
  return createStatusView({ parts, agent, ...given });
}

test("a journal that cannot be read any more leaves the page with what was read last", () => {
  const place = scratch();
  try {
    const journal = place.open();
    journal.append({ kind: "event", body: { type: "Normal", reason: "Seen", message: "it was" } });
    const status = viewOver(journal);
    const before = status();
    assert.equal(before.events?.[0]?.body["message"], "it was");
    journal.close();
    assert.throws(() => journal.entries({ limit: 1 }));
    assert.deepEqual(status().events, before.events);
  } finally {
    place.remove();
  }
});

test("the disk is told with what no download takes", () => {
  const place = scratch();
  try {
    const { disk } = viewOver(place.open())();
    assert.deepEqual(disk, { usedBytes: 10e9, freeBytes: 30e9, reserveBytes: 2e8 });
  } finally {
    place.remove();
  }
});

test("the last deep check is told by its age, with all that it found, and none before the first", () => {
  const place = scratch();
  try {
    let last: DeepCheckResult | undefined;
    const status = viewOver(place.open(), () => last);
    assert.equal(status().deepCheck, undefined);
    const findings = [{ check: "disk", text: "a.txt" }];
    const failed = [{ check: "journal", code: "internal", message: "it is broken" }];
    last = { startedMs: 38_000.4, endedMs: 40_000.4, findings, failed };
    assert.deepEqual(status().deepCheck, { endedAgoMs: 10_000, tookMs: 2000, findings, failed });
  } finally {
    place.remove();
  }
});
