// Keeps one world from try to try, and ends one that is spoilt as soon as nobody is in it any more.
import { createWorld, type World, type WorldOptions } from "./world.ts";

/** One try's use of a world. */
interface Stay {
  world: Promise<World>;
  /** Once. @param how.spoilt something failed in it: it serves no further try */
  leave(how: { spoilt: boolean }): void;
}

export interface Keeper {
  /** The world that is there, or a new one.
   *  @param shape one of the fault's own; the same object means the same world */
  enter(shape?: Partial<WorldOptions>): Stay;
  /** Ends every world, also under a try that is still in it; who enters later waits for ever. */
  stop(): Promise<void>;
}

interface Kept {
  shape: Partial<WorldOptions> | undefined;
  world: Promise<World>;
  /** Tries that are in it. */
  inside: number;
  isOld: boolean;
}

export function createKeeper(common: WorldOptions): Keeper {
  let current: Kept | undefined;
  let isStopped = false;
  const alive = new Set<Kept>();

  const end = async (kept: Kept): Promise<void> => {
    await kept.world.then(
      (one) => one.stop(),
      () => undefined,
    );
    alive.delete(kept);
  };
  const retire = (kept: Kept): void => {
    if (kept === current) current = undefined;
    if (!kept.isOld && kept.inside === 0) void end(kept);
    kept.isOld = true;
  };
  return {
    enter: (shape) => {
      if (isStopped) return { world: new Promise(() => undefined), leave: () => undefined };
      if (current !== undefined && current.shape !== shape) retire(current);
      current ??= { shape, world: createWorld({ ...common, ...shape }), inside: 0, isOld: false };
      const kept = current;
      alive.add(kept);
      kept.inside += 1;
      return {
        world: kept.world,
        leave: ({ spoilt }) => {
          kept.inside -= 1;
          if (kept.isOld && kept.inside === 0) void end(kept);
          else if (spoilt) retire(kept);
        },
      };
    },
    stop: async () => {
      isStopped = true;
      await Promise.all([...alive].map(end));
    },
  };
}
