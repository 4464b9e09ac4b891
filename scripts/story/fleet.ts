// The fleet repository of the story: a careful policy, and eight commits of which the fifth does not run on one model.

/** In turn; six of forty are the old model, none of them among the first four that get the release. */
export const models: readonly string[] = Array.from({ length: 20 }, (_, at) =>
  [2, 7, 13].includes(at) ? "Raspberry Pi 3" : "Raspberry Pi 5",
);

const numbers = [1, 2, 3, 4, 5];

export const fleetFiles: Readonly<Record<string, string>> = {
  "fleet.yaml": `apiVersion: metrica.fleet/v1
kind: Fleet
rollouts:
  careful:
    steps:
      - { select: ring=canary, bakeMinutes: 0.1 }
      - { percent: 10 }
      - { percent: 50, healthyShare: 0.85 }
    deadlineMinutes: 5
    maxParallel: 20
    budget: { groupBy: site, minAvailable: 60% }
deployments:
  - { name: robots, role: robot, selector: role=simulated, rollout: careful }
`,
  "roles/robot/compose.yaml": compose(1),
  "roles/robot/role.yaml": role("none"),
  "devices/pi-00001.yaml": canary(),
  "devices/pi-00002.yaml": canary(),
  ...Object.fromEntries(numbers.map((number) => [`sites/site-${number}.yaml`, site()])),
};

interface Change {
  subject: string;
  files: Readonly<Record<string, string>>;
}

const subjects = [
  "Drive slower near doors",
  "Say the battery in per cent",
  "Map: two floors",
  "Log in UTC",
  "Plan paths on eight threads",
  "Dock at night",
  "Softer brakes",
  "A second language",
];
/** Simulated devices of the model that this value names cannot run the release. */
const firstBad = 4;

export const goodThenBad: readonly Change[] = subjects.map((subject, at) => ({
  subject,
  files: {
    "roles/robot/compose.yaml": compose(at + 2),
    ...(at === firstBad ? { "roles/robot/role.yaml": role("Raspberry Pi 3") } : {}),
  },
}));

function compose(version: number): string {
  return `services: { drive: { image: "example/robot:${version}" } }\n`;
}

function role(failing: string): string {
  return `apiVersion: metrica.fleet/v1\nkind: Role\nvalues: { SIMULATE_FAILURE_ON: ${failing} }\n`;
}

function canary(): string {
  return "apiVersion: metrica.fleet/v1\nkind: Device\nlabels: { ring: canary }\n";
}

function site(): string {
  return "apiVersion: metrica.fleet/v1\nkind: Site\n";
}
