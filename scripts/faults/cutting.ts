// Ends the agent in the middle of an update: at a boundary of the update machine's stages, or anywhere.
import { type Attempt, machine } from "#edge/plan/attempt.ts";
import type { Release } from "./device.ts";
import type { Scope, Trial } from "./fault.ts";
import { createRandom } from "./random.ts";
import type { Quality } from "./role.ts";
import { atMost, notSurvived, pause } from "./until.ts";

type Stage = Attempt["stage"];

/** A boundary, and the release whose update comes to it. */
interface Point {
  name: `${"before" | "after"}:${Stage}`;
  quality: Quality;
}

const dyingMs = 60_000;
const longestUpdateMs = 4000;
/** Instants between the boundaries, for each seed. */
const randomCuts = 4;
const sampled = 8;

/** Stages that an update without a fault goes through; all others are on the way back. */
function stagesThatGoWell(): Set<string> {
  const stages = new Set<string>();
  const [first] = Object.keys(machine) as Stage[];
  for (let stage: string | undefined = first; stage !== undefined && stage in machine; ) {
    stages.add(stage);
    stage = machine[stage as Stage].ok;
  }
  return stages;
}

/** Boundaries and instants (undefined) mixed, so that the first few are a fair sample. */
export type Cuts = readonly (Point | undefined)[];

/** @param mixing the seed of their order */
export function cutsAt(stages: readonly Stage[], mixing: number): Cuts {
  const good = stagesThatGoWell();
  const points = stages.flatMap((stage) =>
    (["before", "after"] as const).map(
      (side): Point => ({ name: `${side}:${stage}`, quality: good.has(stage) ? "good" : "crash" }),
    ),
  );
  const instants = Array.from({ length: randomCuts }, () => undefined);
  return createRandom(mixing).shuffle([...points, ...instants]);
}

/** From the machine itself, so that a new stage is cut as well. */
const everywhere = cutsAt(Object.keys(machine) as Stage[], 1);

export function cutTries({ seeds }: Scope, cuts = everywhere): number {
  return cuts.length * seeds;
}

export function fewCutTries(scope: Scope): number {
  return scope.sample ? sampled : cutTries(scope);
}

/** The agent is dead when this returns; the seed says where it was cut.
 *  @returns the release that it was bringing in */
export async function cutAgent(trial: Trial, cuts = everywhere): Promise<Release> {
  const point = cuts[(trial.seed - 1) % cuts.length];
  return point === undefined ? await cutAnywhere(trial) : await cutAt(trial, point);
}

async function cutAt({ device, note }: Trial, { name, quality }: Point): Promise<Release> {
  note(name);
  const { program } = device.agent;
  await program.kill();
  const release = await device.release(quality);
  await device.agent.start({ faultPoint: name });
  await atMost(dyingMs, program.gone());
  if (program.running()) throw notSurvived(`the update never came to ${name}`);
  // It kills itself there; an agent that ends in any other way was not cut.
  if (program.endedBy() !== "SIGKILL") throw notSurvived(`the agent ended before ${name}`);
  return release;
}

async function cutAnywhere({ device, random, note }: Trial): Promise<Release> {
  const quality = random.pick<Quality>(["good", "good", "crash"]);
  const afterMs = random.between(0, longestUpdateMs);
  note(`${afterMs} ms after a ${quality} commit`);
  const release = await device.release(quality);
  await pause(afterMs);
  await device.agent.program.kill();
  return release;
}
