// Runs the tries of one fault over the devices of a world, and gathers what became of them.
import { asFleetError } from "#shared/errors.ts";
import type { Device } from "./device.ts";
import type { Fault, Scope, Trial } from "./fault.ts";
import { createKeeper } from "./keeper.ts";
import { createRandom } from "./random.ts";
import type { FaultLine } from "./report.ts";
import { type Survival, survivalOf } from "./survival.ts";
import { defaultWorld, type World, type WorldOptions } from "./world.ts";

export interface Runner {
  /** @param seeds which tries; by default as many as the scope says */
  run(fault: Fault, onTry: (done: number, of: number) => void): Promise<FaultLine>;
  stop(): Promise<void>;
}

interface RunnerOptions {
  scope: Scope;
  world: Partial<WorldOptions>;
  /** The seed of the first try. */
  first: number;
  /** One try alone. */
  seed?: number;
}

interface Outcome extends Survival {
  seed: number;
  notes: string[];
}

/** Failures that a line quotes. */
const quoted = 3;

export function createRunner({ scope, world: wanted, first, seed }: RunnerOptions): Runner {
  const keeper = createKeeper({ ...defaultWorld, ...wanted });

  const tryOnce = async (fault: Fault, world: World, device: Device, seed: number) => {
    const notes: string[] = [];
    const trial: Trial = {
      ...{ world, device, scope, seed, random: createRandom(seed) },
      note: (text) => notes.push(text),
    };
    device.steady.reset();
    const thrown = await fault.run(trial).then(
      () => [],
      (error: Error) => [error.message],
    );
    const endsWorkload = fault.endsWorkload === true;
    const { repository } = world;
    const survival = await survivalOf({ device, repository, endsWorkload });
    const failures = [...thrown, ...survival.failures];
    return { ...survival, failures, seed, notes };
  };

  /** A world that does not come up is a try that was not survived. */
  const tryIn = async (fault: Fault, lane: number, seed: number): Promise<Outcome> => {
    const stay = keeper.enter(fault.world);
    try {
      const world = await stay.world;
      const device = world.devices[lane];
      if (device === undefined) throw new TypeError(`the world has no device ${lane}`);
      const outcome = await tryOnce(fault, world, device, seed);
      stay.leave({ spoilt: outcome.failures.length > 0 });
      return outcome;
    } catch (error) {
      stay.leave({ spoilt: true });
      const failures = [`no world for it: ${asFleetError(error).sentence}`];
      return { failures, seed, notes: [], lostEntries: 0, unavailableMs: 0 };
    }
  };

  const seedsOf = (fault: Fault): number[] =>
    seed === undefined ? Array.from({ length: fault.tries(scope) }, (_, at) => first + at) : [seed];

  return {
    run: async (fault, onTry) => {
      const waiting = seedsOf(fault);
      const tries = waiting.length;
      const outcomes: Outcome[] = [];
      const work = async (lane: number): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          outcomes.push(await tryIn(fault, lane, next));
          onTry(outcomes.length, tries);
        }
      };
      const { devices } = { ...defaultWorld, ...wanted, ...fault.world };
      const lanes = fault.alone === true ? 1 : Math.min(tries, devices);
      await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
      return lineOf(fault.name, outcomes);
    },
    stop: keeper.stop,
  };
}

function lineOf(name: string, outcomes: readonly Outcome[]): FaultLine {
  const sum = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  return {
    name,
    tries: outcomes.length,
    survived: outcomes.filter(({ failures }) => failures.length === 0).length,
    lost_entries: sum(({ lostEntries }) => lostEntries),
    unavailable_ms: sum(({ unavailableMs }) => unavailableMs),
    note: noteOf(outcomes),
  };
}

function noteOf(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ failures }) => failures.length > 0);
  const words = failed
    .slice(0, quoted)
    .map(({ seed, failures, notes }) => `seed ${seed}: ${[...notes, ...failures].join("; ")}`);
  if (failed.length > quoted) words.push(`and ${failed.length - quoted} more`);
  if (failed.length > 0) return words.join(". ");
  return [...new Set(outcomes.flatMap(({ notes }) => notes))].slice(0, quoted).join("; ");
}
