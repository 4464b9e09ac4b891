// Partitions one way and the other, a slow link, streams that end in the middle, and a broker that is gone.
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { behindProxies, type Network } from "#scripts/faults/network.ts";
import type { Faults } from "#scripts/faults/proxy.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 10);

/** Both ways of the network are that bad while a commit is on its way. */
const partition = async (trial: Trial, { set }: Network, faults: Faults): Promise<void> => {
  set(faults);
  await trial.device.release("good");
  await pause(trial.random.between(10_000, 60_000));
};

export const deafDevice: Fault = {
  name: "partition-down",
  says: "Nothing from the hub reaches the device, while what it says goes through; then the link heals.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, (network) => partition(trial, network, { down: { swallow: true } })),
};

export const muteDevice: Fault = {
  name: "partition-up",
  says: "Nothing of the device reaches the hub, while it hears everything; then the link heals.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, (network) => partition(trial, network, { up: { swallow: true } })),
};

export const slowLink: Fault = {
  name: "slow-link",
  says: "An update comes over a link of 20 kB/s with half a second of delay, and over it converges.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, async ({ set }) => {
      const slow = { delayMs: 250, bytesPerSecond: 20_000 };
      set({ up: slow, down: slow });
      await trial.device.converged(await trial.device.release("good"), 90_000);
    }),
};

export const truncatedStream: Fault = {
  name: "truncated-stream",
  says: "Connections end or fall silent in the middle of a message, several times during an update.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, async ({ set, cut }) => {
      await trial.device.release("good");
      for (let round = 0; round < 4; round += 1) {
        const end = trial.random.pick<"cut" | "hang">(["cut", "hang"]);
        const truncate = { afterBytes: trial.random.between(1, 4000), end };
        set(round % 2 === 0 ? { down: { truncate } } : { up: { truncate } });
        await pause(trial.random.between(500, 4000));
        cut();
      }
    }),
};

export const brokerGone: Fault = {
  name: "broker-killed",
  says: "The broker is gone while the hub's HTTP goes on: the update comes all the same, by polling.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, async ({ mqtt }) => {
      mqtt.set({ refuse: true });
      mqtt.cut();
      await trial.device.converged(await trial.device.release("good"), 90_000);
      const { connection } = await trial.device.view();
      if (connection !== "Online") throw notSurvived(`by HTTP the device is ${connection}`);
    }),
};
