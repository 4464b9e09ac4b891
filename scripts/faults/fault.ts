// What a fault is to the harness: a name, what it does, what it needs, and one try of it.
import type { Device } from "./device.ts";
import type { Need } from "./needs.ts";
import type { Random } from "./random.ts";
import type { World, WorldOptions } from "./world.ts";

/** How much is to be tried. */
export interface Scope {
  /** Seeds per step boundary, or per fault where there is no boundary. */
  seeds: number;
  /** Only what fits into ten minutes for all faults together. */
  sample: boolean;
}

/** One try: a device that has converged and is under watch, and a seed that makes the try repeatable. */
export interface Trial {
  world: World;
  device: Device;
  scope: Scope;
  /** From 1; the try of a seed is the same each time, whatever ran before it. */
  seed: number;
  random: Random;
  /** Words for the line's note. */
  note(text: string): void;
  /** Adds to a figure of the line, e.g. `answers`, which is summed over all tries of the fault. */
  tally(what: string, count: number): void;
}

export interface Fault {
  /** As `--only` takes it. */
  name: string;
  /** One sentence: what is done, and what must come of it. */
  says: string;
  needs?: readonly Need[];
  /** Tries side by side would disturb each other: the fault is in what they share, e.g. the hub. */
  alone?: true;
  /** The fault itself ends the workload: its restart is no failure. */
  endsWorkload?: true;
  /** A world of its own kind, for this fault alone. */
  world?: Partial<WorldOptions>;
  tries(scope: Scope): number;
  /** Injects the fault and takes it away again. Whether the device and the hub survived is checked
   *  afterwards by survival.ts; only what is peculiar to the fault is checked here.
   *  @throws when the fault was not survived, NotStruck when it could not be injected */
  run(trial: Trial): Promise<void>;
}
