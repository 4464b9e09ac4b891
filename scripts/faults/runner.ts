// Runs the tries of one fault over the devices of a world, and gathers what became of them.
import { asFleetError } from "#shared/errors.ts";
import type { Device } from "./device.ts";
import type { Fault, Scope, Trial } from "./fault.ts";
import { createKeeper } from "./keeper.ts";
import { NotStruck, takenUntilStruck } from "./miss.ts";
import { createRandom } from "./random.ts";
import type { FaultLine } from "./report.ts";
import { createSeats, type Seats } from "./seats.ts";
import { type Survival, survivalOf } from "./survival.ts";
import { defaultWorld, type World, type WorldOptions } from "./world.ts";

export interface Runner {
  /** Faults of the same world may run side by side: each try has a device, or all of them, to itself. */
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
  figures: Map<string, number>;
  isMiss: boolean;
}

/** Failures that a line quotes. */
const quoted = 3;

export function createRunner({ scope, world: wanted, first, seed }: RunnerOptions): Runner {
  const keeper = createKeeper({ ...defaultWorld, ...wanted });
  const seatsByWorld = new Map<Fault["world"], Seats>();

  const tryOnce = async (fault: Fault, world: World, device: Device, seed: number) => {
    const notes: string[] = [];
    const figures = new Map<string, number>();
    const trial: Trial = {
      ...{ world, device, scope, seed, random: createRandom(seed) },
      note: (text) => notes.push(text),
      tally: (what, count) => figures.set(what, (figures.get(what) ?? 0) + count),
    };
    // What a world shares is everybody's: each device of it must come through.
    const concerned = fault.alone === true ? world.devices : [device];
    for (const { steady } of concerned) steady.reset();
    const thrown = await fault.run(trial).then(
      () => undefined,
      (error: Error) => error,
    );
    const endsWorkload = fault.endsWorkload === true;
    const { repository } = world;
    const survivals = await Promise.all(
      concerned.map((one) => survivalOf({ device: one, repository, endsWorkload })),
    );
    const harm = survivals.flatMap((one) => one.failures);
    const failures = [...(thrown === undefined ? [] : [thrown.message]), ...harm];
    const isMiss = thrown instanceof NotStruck && harm.length === 0;
    const lostEntries = sumOf(survivals, (one) => one.lostEntries);
    const unavailableMs = sumOf(survivals, (one) => one.unavailableMs);
    return { lostEntries, unavailableMs, failures, seed, notes, figures, isMiss };
  };

  /** A world that does not come up is a try that was not survived. */
  const tryIn = async (fault: Fault, seat: number, seed: number): Promise<Outcome> => {
    const stay = keeper.enter(fault.world);
    try {
      const world = await stay.world;
      const device = world.devices[seat];
      if (device === undefined) throw new TypeError(`the world has no device ${seat}`);
      const outcome = await tryOnce(fault, world, device, seed);
      stay.leave({ spoilt: outcome.failures.length > 0 });
      return outcome;
    } catch (error) {
      stay.leave({ spoilt: true });
      const failures = [`no world for it: ${asFleetError(error).sentence}`];
      const nothing = { notes: [], figures: new Map(), lostEntries: 0, unavailableMs: 0 };
      return { ...nothing, failures, seed, isMiss: false };
    }
  };

  const seatsOf = (shape: Fault["world"], devices: number): Seats => {
    const known = seatsByWorld.get(shape) ?? createSeats(devices);
    seatsByWorld.set(shape, known);
    return known;
  };
  const seedsOf = (fault: Fault): number[] =>
    seed === undefined ? Array.from({ length: fault.tries(scope) }, (_, at) => first + at) : [seed];

  return {
    run: async (fault, onTry) => {
      const waiting = seedsOf(fault);
      const tries = waiting.length;
      const outcomes: Outcome[] = [];
      const { devices } = { ...defaultWorld, ...wanted, ...fault.world };
      const seats = seatsOf(fault.world, devices);
      const wants = fault.alone === true ? "all" : "one";
      const work = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const seed = next;
          const attempt = () => seats.take(wants, (seat) => tryIn(fault, seat, seed));
          outcomes.push(await takenUntilStruck(attempt));
          onTry(outcomes.length, tries);
        }
      };
      const workers = wants === "all" ? 1 : Math.min(tries, devices);
      await Promise.all(Array.from({ length: workers }, work));
      return lineOf(fault.name, outcomes);
    },
    stop: keeper.stop,
  };
}

function lineOf(name: string, outcomes: readonly Outcome[]): FaultLine {
  return {
    name,
    tries: outcomes.length,
    survived: outcomes.filter(({ failures }) => failures.length === 0).length,
    lost_entries: sumOf(outcomes, ({ lostEntries }) => lostEntries),
    unavailable_ms: sumOf(outcomes, ({ unavailableMs }) => unavailableMs),
    note: noteOf(outcomes),
  };
}

function sumOf<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0);
}

function noteOf(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ failures }) => failures.length > 0);
  const words = failed
    .slice(0, quoted)
    .map(({ seed, failures, notes }) => `seed ${seed}: ${[...notes, ...failures].join("; ")}`);
  if (failed.length > quoted) words.push(`and ${failed.length - quoted} more`);
  if (failed.length > 0) return words.join(". ");
  const notes = [...new Set(outcomes.flatMap((one) => one.notes))].slice(0, quoted);
  return [...notes, ...figuresOf(outcomes)].join("; ");
}

/** E.g. `1200 answers`. */
function figuresOf(outcomes: readonly Outcome[]): string[] {
  const names = new Set(outcomes.flatMap(({ figures }) => [...figures.keys()]));
  return [...names].map((name) => {
    const sum = sumOf(outcomes, ({ figures }) => figures.get(name) ?? 0);
    return `${sum} ${name}`;
  });
}
