// The fleet repository goes wrong: its history is rewritten, or it cannot be reached.
import { rename } from "node:fs/promises";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import { pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 5);

export const forcePush: Fault = {
  name: "force-push",
  says: "A force-push drops a commit that runs already; the device follows the branch as it is now.",
  alone: true,
  tries: few,
  run: async ({ world, device }) => {
    await device.converged(await device.release("good"));
    await world.repository.git("reset", "--quiet", "--hard", "HEAD~1");
    await device.converged(await device.release("good"));
  },
};

export const repositoryUnreachable: Fault = {
  name: "repository-unreachable",
  says: "The repository is gone for a while, and a start of the hub falls into that time; nothing changes.",
  alone: true,
  tries: few,
  run: async ({ world, device, random }) => {
    const { directory } = world.repository;
    const known = await world.hub.events("RepositoryUnreachable");
    await rename(directory, `${directory}.away`);
    try {
      await world.hub.poke();
      const isTold = async (): Promise<boolean> =>
        (await world.hub.events("RepositoryUnreachable")) > known;
      await until("the hub's event", isTold, { limitMs: 30_000 });
      await pause(random.between(0, 5000));
      await world.hub.program.kill();
      await world.hub.start();
      await device.connected();
    } finally {
      await rename(`${directory}.away`, directory);
    }
    await device.converged(await device.release("good"));
  },
};
