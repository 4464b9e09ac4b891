// Partitions one way and the other, a slow link, streams that end in the middle, and a broker that is gone.
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { localStatus } from "#scripts/faults/local_page.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { behindProxies, type Network } from "#scripts/faults/network.ts";
import type { Faults } from "#scripts/faults/proxy.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 10);

const keepaliveSeconds = 6;
/** Twice the keep-alive, and a moment for the page. */
const noticedMs = 2000 * keepaliveSeconds + 1500;
const longestMs = 60_000;
const longestSampledMs = noticedMs + 5000;
/** What was under way when the network broke may still arrive. */
const underWayMs = 1500;

/** Both ways of the network are that bad while a commit is on its way, and longer than it takes to notice it.
 *  @returns when it broke, Unix ms */
const partition = async (trial: Trial, { set }: Network, faults: Faults): Promise<number> => {
  const { device, random, scope } = trial;
  set(faults);
  const since = Date.now();
  await device.release("good");
  await pause(noticedMs);
  if ((await localStatus(device)).connection.connected) {
    throw notSurvived(`after ${noticedMs / 1000} s the device takes itself for connected`);
  }
  await pause(random.between(0, (scope.sample ? longestSampledMs : longestMs) - noticedMs));
  return since;
};

export const deafDevice: Fault = {
  name: "partition-down",
  says: "Nothing from the hub reaches the device, while what it says goes through; then the link heals.",
  tries: few,
  run: (trial) =>
    behindProxies(
      trial,
      async (network) => {
        const { device } = trial;
        await partition(trial, network, { down: { swallow: true } });
        const [release] = device.releases();
        if ((await device.served()) === release?.version) throw notSurvived("it was not deaf");
      },
      { keepaliveSeconds },
    ),
};

export const muteDevice: Fault = {
  name: "partition-up",
  says: "Nothing of the device reaches the hub, while it hears everything; then the link heals.",
  tries: few,
  run: (trial) =>
    behindProxies(
      trial,
      async (network) => {
        const since = await partition(trial, network, { up: { swallow: true } });
        const { reported } = await trial.device.view();
        if ((reported?.at ?? 0) > since + underWayMs) throw notSurvived("it was not mute");
      },
      { keepaliveSeconds },
    ),
};

/** Of the bundle's padding alone, which does not compress. */
const leastSlowMs = 4000;

export const slowLink: Fault = {
  name: "slow-link",
  says: "An update comes over a link of 20 kB/s with half a second of delay, and over it converges.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, async ({ set }) => {
      const slow = { delayMs: 250, bytesPerSecond: 20_000 };
      const { device, note } = trial;
      set({ up: slow, down: slow });
      const began = performance.now();
      await device.converged(await device.release("good"), 90_000);
      const tookMs = performance.now() - began;
      note(`${(tookMs / 1000).toFixed(1)} s over the slow link`);
      if (tookMs < leastSlowMs) throw notSurvived("the update did not come over the slow link");
    }),
};

export const truncatedStream: Fault = {
  name: "truncated-stream",
  says: "Connections end or fall silent in the middle of a message, several times during an update.",
  tries: few,
  run: (trial) =>
    behindProxies(trial, async ({ set, cut, truncations }) => {
      await trial.device.release("good");
      for (let round = 0; round < 4 || (truncations() === 0 && round < 12); round += 1) {
        const end = trial.random.pick<"cut" | "hang">(["cut", "hang"]);
        const truncate = { afterBytes: trial.random.between(1, 4000), end };
        set(round % 2 === 0 ? { down: { truncate } } : { up: { truncate } });
        await pause(trial.random.between(500, 4000));
        cut();
      }
      trial.note(`truncated ${truncations()} times`);
      if (truncations() === 0) throw new NotStruck("no connection was truncated");
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
      const { via } = (await localStatus(trial.device)).connection;
      if (via !== "http") throw notSurvived(`the update came by ${via}`);
    }),
};
