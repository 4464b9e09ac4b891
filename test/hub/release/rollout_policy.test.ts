// Rollout policies of fleet.yaml: inline or by name, the last step everything, faults with file and line.
import assert from "node:assert/strict";
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import { FleetFile } from "#hub/release/schema.ts";
import type { FleetError } from "#shared/errors.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { fleetYaml, smallFleet } from "#test/support/sites.ts";

const test = suite("hub/release rollout policies", { limitMs: 240_000 });

function read(lines: readonly string[]): RolloutPolicy | string | undefined {
  const text = `${fleetYaml}${lines.map((line) => `    ${line}\n`).join("")}`;
  const file = checkYaml(FleetFile, { file: "fleet.yaml", text, code: "repository_invalid" });
  return file.value.deployments[0]?.rollout;
}

test("times become ms, selectors are read, and the last step is everything", () => {
  const policy = read([
    "rollout:",
    "  steps:",
    "    - {select: {ring: canary}, bakeMinutes: 10, healthyShare: 1}",
    "    - {percent: 10, approval: true}",
    "  deadlineMinutes: 15",
    "  spreadSeconds: 90",
    "  budget: {groupBy: site, minAvailable: 80%}",
    "  halt: {failures: 3, share: 0.1}",
    "  haltScope: cohort",
  ]);
  assert.deepEqual(policy, {
    steps: [
      {
        select: [{ key: "ring", operator: "in", values: ["canary"] }],
        ...{ bakeMs: 600_000, healthyShare: 1, approval: false },
      },
      { percent: 10, bakeMs: 0, healthyShare: 0.95, approval: true },
      { bakeMs: 0, healthyShare: 0.95, approval: false },
    ],
    deadlineMs: 900_000,
    spreadMs: 90_000,
    budget: { groupBy: "site", minAvailable: { share: 0.8 } },
    halt: { failures: 3, share: 0.1 },
    haltScope: "cohort",
  });
});

test("does not add a step to one that already is everything", () => {
  for (const last of ["{percent: 100, approval: true}", "{bakeMinutes: 5}"]) {
    const policy = read(["rollout:", `  steps: [${last}]`]);
    assert.equal((policy as RolloutPolicy).steps.length, 1, last);
  }
});

/** Lines under the deployment, and how the fault reads. */
const faults: [string[], RegExp][] = [
  [
    ["rollout:", "  steps: [{percent: 0}]"],
    /^fleet\.yaml:10: deployments\.0\.rollout\.steps\.0\.percent/,
  ],
  [["rollout: {steps: [{percent: 5, count: 2}]}"], /count: give percent or count, not both$/],
  [["rollout: {steps: [{select: 'a b c'}]}"], /select: "a b c" is not a label selector term$/],
  [["rollout: {budget: {groupBy: site, minAvailable: 80.5%}}"], /minAvailable/],
  [["rollout: {haltscope: cohort}"], /haltscope: is not a key that is known here$/],
];

for (const [lines, reads] of faults) {
  test(`refuses ${lines.join(" ").trim()}`, () => {
    assert.throws(
      () => read(lines),
      (error: FleetError) => reads.test(error.sentence) || assert.fail(error.sentence),
    );
  });
}

test("a policy is found by its name, and a name that is not there refuses the commit", () =>
  withHub(async (bench) => {
    const named = `${fleetYaml}    rollout: careful\n`;
    const fleet = `${named}rollouts:\n  careful: {steps: [{count: 1}]}\n`;
    bench.repository.commit({ ...smallFleet, "fleet.yaml": fleet });
    const hub = await bench.start();
    await hub.sync();
    const [deployment] = hub.releases.snapshot()?.branches["main"]?.deployments ?? [];
    assert.equal(deployment?.rollout?.steps[0]?.count, 1);
    bench.repository.commit({ "fleet.yaml": named });
    await hub.sync();
    const [branch] = await hub.store.branches();
    assert.match(
      branch?.refusal ?? "",
      /^fleet\.yaml:9: deployments\.0\.rollout: names the rollout policy "careful"/,
    );
  }));
