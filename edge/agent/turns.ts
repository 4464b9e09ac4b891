// Lets each app have one step under way at a time, and the loop go on without a slow one.
import type { AppName } from "#shared/ids.ts";
import { settledWithin } from "./tasks.ts";

/** How long the loop waits for a step before it looks after the other apps. */
const patienceMs = 250;

export interface Turns<Effect> {
  /** Apps whose last step is still under way: what is observed of them now may be old when it ends. */
  busy(): ReadonlySet<AppName>;
  /** @returns undefined when the step goes on beside the loop; `onSettled` is called at its end
   *  @param act never fails */
  take(app: AppName, act: () => Promise<Effect>): Promise<Effect | undefined>;
  /** Waits until no step is under way. */
  settled(): Promise<void>;
}

export function createTurns<Effect>(onSettled: () => void): Turns<Effect> {
  const under = new Map<AppName, Promise<void>>();
  return {
    busy: () => new Set(under.keys()),
    take: async (app, act) => {
      const result: { effect?: Effect } = {};
      const done = act().then((effect) => {
        result.effect = effect;
        under.delete(app);
      });
      under.set(app, done);
      if (!(await settledWithin(done, patienceMs))) void done.then(onSettled);
      return result.effect;
    },
    settled: async () => {
      await Promise.all(under.values());
    },
  };
}
