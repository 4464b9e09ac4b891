import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { suite } from "#test/suite.ts";
import { importBusybox, removeImage, startRegistry, uniqueName } from "#test/support/engine.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { tellCommitStory } from "./commit.ts";

const test = suite("a commit, on Docker", { limitMs: 300_000 });
const run = promisify(execFile);
const image = uniqueName("sample");
let launched: TestFleet | undefined;
let registry: Awaited<ReturnType<typeof startRegistry>> | undefined;

const fleet = async (): Promise<TestFleet> => {
  if (launched === undefined) {
    importBusybox(image);
    registry = await startRegistry();
    launched = await launchFleet({ runtime: "docker", image });
    await launched.converged();
  }
  return launched;
};

test.after(async () => {
  if (launched === undefined) return;
  await launched.stop();
  await registry?.stop();
  removeImage(image);
});

const real = (name: string, body: () => Promise<void>): void => {
  test.real("docker", name, async () => {
    await fleet();
    await body();
  });
};
const started = (): TestFleet => {
  assert.ok(launched);
  return launched;
};

tellCommitStory({
  test: real,
  after: test.after,
  runtime: "docker",
  missing: () => `${registry?.host}/no-such-image:1`,
  fleet: started,
});

test.real(
  "docker-compose",
  "docker ps and docker-compose ps show each app under its project",
  async () => {
    const { fleet: running } = await fleet();
    const project = `${running.devices[0]}-robots`;
    const listed = await run("docker", ["ps", "--format", "{{.Names}}"]);
    assert.match(listed.stdout, new RegExp(`^${project}-status-1$`, "m"));
    const file = `${started().repository}/roles/robot/compose.yaml`;
    const env = { ...process.env, ROBOT_COUNT: "1", STATUS_PORT: "1", IMAGE: image };
    const shown = await run("docker-compose", ["-p", project, "-f", file, "ps"], { env });
    assert.match(shown.stdout, new RegExp(`${project}-status-1 .* Up`));
  },
);

/** Calls to the Engine and rounds of the loop, as the device's own metrics tell. */
async function countedCalls(at: number): Promise<Map<string, number>> {
  const { pagePort } = started();
  const text = await (await fetch(`http://127.0.0.1:${pagePort + at}/metrics`)).text();
  const counts = new Map<string, number>();
  for (const [, call = "", total] of text.matchAll(/runtime_calls_total{.*call="(\w+)"} (\d+)/g)) {
    counts.set(call, Number(total));
  }
  counts.set("rounds", Number(/loop_duration_seconds_count (\d+)/.exec(text)?.[1]));
  return counts;
}

/** Just after so many more rounds, so that none is counted by half. */
async function countedAfter(rounds: number): Promise<Map<string, number>> {
  const before = (await countedCalls(0)).get("rounds") ?? 0;
  return started().until("more rounds", async () => {
    const now = await countedCalls(0);
    return (now.get("rounds") ?? 0) >= before + rounds && now;
  });
}

real("a converged device is left alone: one list call per round and no other", async () => {
  await started().converged();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = await countedAfter(1);
  const after = await countedAfter(2);
  const grown = [...after].filter(([call, total]) => total !== before.get(call));
  const added = new Map(grown.map(([call, total]) => [call, total - (before.get(call) ?? 0)]));
  assert.deepEqual([...added.keys()].sort(), ["list", "rounds"]);
  assert.equal(added.get("list"), added.get("rounds"));
});
