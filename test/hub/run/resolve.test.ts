import * as assert from "node:assert/strict";
import { builtInPlans } from "#hub/run/builtin.ts";
import { type Plan, PlanFile } from "#hub/run/plan.ts";
import { resolveSteps } from "#hub/run/resolve.ts";
import { FleetError } from "#shared/errors.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import { suite } from "#test/suite.ts";

const test = suite("plans and their parameters");

function planOf(text: string): Plan {
  const source = { file: "plans/own.yaml", text, code: "repository_invalid" } as const;
  const { value } = checkYaml(PlanFile, source);
  return { ...value, name: "own", commit: null };
}

function builtIn(name: string): Plan {
  const plan = builtInPlans.find((one) => one.name === name);
  assert.ok(plan !== undefined);
  return plan;
}

function fault(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FleetError) return error.sentence;
    throw error;
  }
  throw new Error("it was not refused");
}

const head = "apiVersion: metrica.fleet/v1\nkind: Plan\n";

test("a plan of the repository has typed steps with times and tries, and defaults for the rest", () => {
  const plan = planOf(`${head}parameters:
  MODE: { default: fast }
steps:
  - { kind: drain, timeoutSeconds: 30 }
  - { kind: script, app: robots, script: bin/tune.sh, args: ["--\${MODE}"], retries: 2 }
  - { kind: verify, app: robots, stableSeconds: 5 }
`);
  assert.deepEqual(resolveSteps(plan, {}), [
    { kind: "drain", timeoutMs: 30_000, retries: 0 },
    {
      ...{ kind: "script", app: "robots", script: "bin/tune.sh", args: ["--fast"] },
      ...{ timeoutMs: 300_000, retries: 2 },
    },
    { kind: "verify", app: "robots", stableMs: 5000, timeoutMs: 600_000, retries: 0 },
  ]);
  assert.deepEqual(
    [plan.during, plan.after, plan.from],
    ["MAINTENANCE", "READY", ["READY", "IN_SERVICE", "MAINTENANCE"]],
  );
});

const wrongFiles: [yaml: string, sentence: RegExp][] = [
  ["steps: []\n", /^plans\/own\.yaml:3: steps: /],
  ["steps:\n  - { kind: explode }\n", /^plans\/own\.yaml:4: steps\.0\.kind: /],
  ["steps:\n  - { kind: stopApp }\n", /^plans\/own\.yaml:4: steps\.0.*app: is missing/],
  ["steps:\n  - { kind: drain, retires: 2 }\n", /^plans\/own\.yaml:4: steps\.0\.retires: /],
  ["steps:\n  - { kind: reboot, retries: 99 }\n", /^plans\/own\.yaml:4: steps\.0\.retries: /],
  [
    "steps:\n  - { kind: script, app: a, script: ../../etc/passwd }\n",
    /^plans\/own\.yaml:4: steps\.0\.script: must stay inside the role/,
  ],
  [
    `steps:\n  - { kind: stopApp, app: "\${WHICH}" }\n`,
    /^plans\/own\.yaml:4: steps\.0: uses \$\{WHICH\}, which is not among the plan's parameters/,
  ],
  ["from: [RMA]\nsteps:\n  - { kind: drain }\n", /^plans\/own\.yaml:3: from\.0: /],
];
for (const [yaml, sentence] of wrongFiles) {
  test(`a plan is refused with its place: ${yaml.trim()}`, () => {
    assert.match(
      fault(() => planOf(head + yaml)),
      sentence,
    );
  });
}

test("parameters make the steps; what is empty is left out", () => {
  const network = {
    INTERFACE: "eth0",
    METHOD: "static",
    ADDRESS: "10.0.0.7/24",
    DNS: "1.1.1.1, 9.9.9.9",
  };
  assert.deepEqual(resolveSteps(builtIn("net-reconfig"), network)[0], {
    kind: "configureNetwork",
    network: {
      ...{ interface: "eth0", method: "static", address: "10.0.0.7/24" },
      dns: ["1.1.1.1", "9.9.9.9"],
    },
    ...{ confirmMs: 60_000, timeoutMs: 300_000, retries: 0 },
  });
  const [all] = resolveSteps(builtIn("upgrade"), {});
  assert.deepEqual(all, { kind: "installRelease", timeoutMs: 1_800_000, retries: 2 });
  const [one] = resolveSteps(builtIn("upgrade"), { APP: "robots" });
  assert.equal(one?.kind === "installRelease" && one.app, "robots");
});

test("wrong parameters are refused by their name", () => {
  const plan = builtIn("net-reconfig");
  assert.match(
    fault(() => resolveSteps(plan, {})),
    /needs the parameter INTERFACE: as the kernel/,
  );
  assert.match(
    fault(() => resolveSteps(plan, { INTERFACE: "eth0", SPEED: "9" })),
    /has no parameter SPEED/,
  );
  assert.match(
    fault(() => resolveSteps(plan, { INTERFACE: "eth0", METHOD: "static" })),
    /^step 1 \(configureNetwork\) .* network\.address: is needed with the method static/,
  );
  assert.match(
    fault(() => resolveSteps(plan, { INTERFACE: "eth0; reboot" })),
    /network\.interface: must be the name of a network interface/,
  );
});

test("every built-in plan resolves with what it needs", () => {
  for (const plan of builtInPlans) {
    const needed = Object.entries(plan.parameters).filter(([, one]) => one.default === undefined);
    const given = Object.fromEntries(needed.map(([name]) => [name, "eth0"]));
    assert.equal(resolveSteps(plan, given).length, plan.steps.length, plan.name);
  }
});
