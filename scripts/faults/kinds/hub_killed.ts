// SIGKILL to the hub while it takes a commit in, publishes it or takes the devices' journals in.
import type { Fault } from "#scripts/faults/fault.ts";
import { pause } from "#scripts/faults/until.ts";

export const hubKilled: Fault = {
  name: "hub-killed",
  says: "The hub is killed in the middle of a commit's way, and starts again some time later.",
  alone: true,
  tries: ({ seeds }) => Math.max(3, seeds),
  run: async ({ world, device, random }) => {
    await device.release("good");
    await pause(random.between(0, 2500));
    await world.hub.program.kill();
    await pause(random.between(0, 4000));
    await world.hub.start();
  },
};
