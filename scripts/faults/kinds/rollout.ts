// SIGKILL to the hub at the decisions of a rollout that goes over all devices of the world.
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Trial } from "#scripts/faults/fault.ts";
import type { Rollout } from "#scripts/faults/hub.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";
import type { World } from "#scripts/faults/world.ts";

/** After the devices' own apps, which are named `f…`. */
const deployment = "together";
const devices = 4;
/** How many devices each step releases: one, then half of them, then all. */
const batches = [1, 1, 2];
const policy = { steps: [{ count: 1 }, { percent: 50 }], deadlineMinutes: 5 };
/** Each kill stands for one decision: more than a rollout of so few has. */
const kills = 10;
/** A hub that decides nothing within this is killed all the same. */
const longestMs = 15_000;
const rollingMs = 120_000;

export const hubKilledRollout: Fault = {
  name: "hub-killed-rollout",
  says: "The hub is killed before and after it stores decisions of a rollout: the same batches, no device skipped or moved twice.",
  alone: true,
  world: { devices },
  tries: ({ seeds }) => Math.min(Math.max(1, seeds), 10),
  run: async (trial) => {
    const { world, note } = trial;
    const before = await standing(world);
    await world.hub.program.stop();
    const commit = await commitVersion(world, before + 1);
    const killed = await killAtDecisions(trial, commit);
    note(`killed ${killed} times`);
    if (!world.hub.program.running()) await world.hub.start();
    const rollout = await until("the rollout is promoted", () => promoted(world, commit), {
      limitMs: rollingMs,
    });
    await sameBatches(world, rollout);
    await Promise.all(world.devices.map((device) => movedOnce(device, commit)));
  },
};

/** The deployment is there and runs on every device.
 *  @returns its version */
async function standing(world: World): Promise<number> {
  const known = /VERSION: "(\d+)"/.exec(await composeFile(world).catch(() => ""));
  if (known !== null) return Number(known[1]);
  const text = await world.repository.git("show", "HEAD:fleet.yaml");
  const entry = { name: deployment, role: deployment, rollout: policy };
  const fleet = text.replace(/^deployments: (.*)$/m, (_, list: string) => {
    return `deployments: ${JSON.stringify([...(JSON.parse(list) as unknown[]), entry])}`;
  });
  const role = "apiVersion: metrica.fleet/v1\nkind: Role\nhealth: {stableSeconds: 0.3}\n";
  const files = { "fleet.yaml": fleet, [`roles/${deployment}/role.yaml`]: role };
  const commit = await commitVersion(world, 1, files);
  await world.hub.poke();
  await Promise.all(world.devices.map((device) => runs(device, commit)));
  return 1;
}

function composeFile({ repository }: World): Promise<string> {
  return repository.git("show", `HEAD:roles/${deployment}/compose.yaml`);
}

function commitVersion({ repository }: World, version: number, files = {}): Promise<string> {
  const compose = `services:
  idle:
    image: \${IMAGE}
    command: ["sleep", "86400"]
    x-fleet:
      command: ["sleep", "86400"]
    environment:
      VERSION: "${version}"
    stop_grace_period: 1s
`;
  const path = `roles/${deployment}/compose.yaml`;
  return repository.commit({ ...files, [path]: compose }, `${deployment}: ${version}`);
}

async function runs(device: Device, commit: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    const app = (await device.view()).apps.find(({ name }) => name === deployment);
    return app?.health === "Healthy" && app.current?.commit === commit;
  };
  await until(`${device.id} runs ${deployment} at ${commit.slice(0, 8)}`, look, {
    limitMs: rollingMs,
  });
}

/** The first decision is never spared, and of each pair of kills one lets a decision pass: before the store has it,
 *  nothing moves on.
 *  @returns how often the hub was killed */
async function killAtDecisions({ world, random }: Trial, commit: string): Promise<number> {
  const { hub } = world;
  for (let killed = 0; killed < kills; killed += 1) {
    const point =
      killed % 2 === 0 ? random.pick(["before:rollout", "after:rollout"]) : "after:rollout";
    hub.startArmed(point);
    const isOver = await Promise.race([
      hub.program.gone().then(() => false),
      until("promoted", () => promoted(world, commit), { limitMs: longestMs }).then(
        () => true,
        () => false,
      ),
    ]);
    if (isOver) return killed;
    await hub.program.kill();
    await pause(random.between(0, 500));
  }
  return kills;
}

async function promoted({ hub }: World, commit: string): Promise<Rollout | undefined> {
  const rollout = await hub.rollout(deployment);
  return rollout?.commit === commit && rollout.state === "Promoted" ? rollout : undefined;
}

async function sameBatches({ hub }: World, { id }: Rollout): Promise<void> {
  const steps = (await hub.rolloutDevices(id)).map(({ step }) => step);
  const wanted = batches.flatMap((size, at) => Array.from({ length: size }, () => at + 1));
  // The list is in the order of release, so that a device out of its turn shows.
  if (steps.join() === wanted.join()) return;
  throw notSurvived(`devices got the release in the steps ${steps.join()}, not ${wanted.join()}`);
}

async function movedOnce(device: Device, commit: string): Promise<void> {
  await runs(device, commit);
  const updates = (await device.updates()).filter((one) => one.commit === commit);
  if (updates.length === 1) return;
  throw notSurvived(`${device.id} was updated ${updates.length} times to the one release`);
}
