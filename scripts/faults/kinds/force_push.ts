// A commit that is live already is taken out of the branch's history by a force-push.
import type { Fault } from "#scripts/faults/fault.ts";

export const forcePush: Fault = {
  name: "force-push",
  says: "A force-push drops a commit that runs already; the device follows the branch as it is now.",
  alone: true,
  tries: ({ seeds }) => Math.min(seeds, 5),
  run: async ({ world, device }) => {
    await device.converged(await device.release("good"));
    await world.repository.git("reset", "--quiet", "--hard", "HEAD~1");
    await device.converged(await device.release("good"));
  },
};
