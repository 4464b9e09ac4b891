// A try in which the fault did not strike: it says nothing of the device, and is taken again.

/** The fault could not be made to strike, as where its moment was over too soon. */
export class NotStruck extends Error {
  override readonly name = "NotStruck";
}

/** So many misses are no chance: a fault that never strikes proves nothing, and counts as not survived. */
const mostMisses = 3;

interface Taken {
  /** The fault did not strike, and nothing else went wrong. */
  isMiss: boolean;
  figures: Map<string, number>;
}

/** @returns the outcome of the first try in which the fault struck, or of the last one */
export async function takenUntilStruck<T extends Taken>(attempt: () => Promise<T>): Promise<T> {
  for (let misses = 0; ; misses += 1) {
    const outcome = await attempt();
    if (outcome.isMiss && misses + 1 < mostMisses) continue;
    if (misses > 0) outcome.figures.set("tries taken again after a miss", misses);
    return outcome;
  }
}
