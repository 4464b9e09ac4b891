// What the hub knows of runs from the journals and reports of the devices' own agents.
import * as assert from "node:assert/strict";
import { createAgentProvider } from "#hub/run/agent_provider.ts";
import type { Run } from "#hub/run/model.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RunId } from "#shared/run.ts";
import { suite } from "#test/suite.ts";

const test = suite("runs by agents");
const device = "pi-1" as DeviceId;

test("knows when a run's log was last heard, and takes no other run's log for it", async () => {
  const store = await openStore({ file: ":memory:" });
  const provider = createAgentProvider({ store, desired: { reconcile: async () => undefined } });
  const ran = async (id: string, orderedAt: number): Promise<number | undefined> => {
    const run = { id: id as RunId, device, orderedAt } as Run;
    return (await provider.facts(run)).loggedAt;
  };
  let seq = 0;
  const say = async (run: string, at: number): Promise<void> => {
    seq += 1;
    const body = { run, index: 0, stream: "agent", text: "on it" };
    const entry = { seq, bootId: "b", at: 1, monotonicMs: 1, kind: "run.log" as const, body };
    const batch = { epoch: "e", from: seq, to: seq, entries: [entry] };
    await store.appendJournal([{ device, batch }], at);
  };
  try {
    await store.enrol(device, "0".repeat(64), {}, 1);
    assert.equal(await ran("run000001", 50), undefined);
    await say("run000001", 100);
    await say("run000001", 200);
    assert.equal(await ran("run000001", 50), 200);
    assert.equal(await ran("run000002", 150), undefined);
  } finally {
    await store.close();
  }
});
