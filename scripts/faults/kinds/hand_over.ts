// The forwarder of published ports dies, the agent dies in the middle of a hand-over, and both do at once.
import { cutAgent, cutsAt, cutTries } from "#scripts/faults/cutting.ts";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import {
  anotherForwarder,
  askingAllTheWhile,
  forwarderOf,
  handOverWorld,
  withoutGap,
} from "#scripts/faults/hand_over.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

/** From the new copy's start to the old one's end, and the way back. */
const stages = ["start", "probe", "switch", "commit"] as const;
/** So mixed they begin with a switch and a way back, which is all that a sample has. */
const cuts = cutsAt([...stages, "rollBack", "restore"], 98);
const sampled = 2;

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);
const fewCuts = (scope: Scope): number => (scope.sample ? sampled : cutTries(scope, cuts));

/** Far longer than a device is given to notice: it must not be its next round that finds the forwarder dead. */
const longIntervalSeconds = 120;

export const forwarderKilled: Fault = {
  name: "forwarder-killed",
  says: "The forwarder of published ports is killed while it serves, several times: the agent starts another at once.",
  world: handOverWorld,
  tries: few,
  run: async (trial) => {
    const { device, random } = trial;
    await device.agent.restart({ intervalSeconds: longIntervalSeconds });
    await device.connected();
    const { steady, moving } = await askingAllTheWhile(trial, async (clients) => {
      for (let times = random.between(1, 3); times > 0; times -= 1) {
        await pause(random.between(0, 1500));
        await anotherForwarder(device, killForwarder(device), clients);
      }
    });
    if (steady.restarts + moving.restarts > 0) throw notSurvived("a copy was replaced");
    await device.agent.restart();
  },
};

export const forwarderKilledInHandOver: Fault = {
  name: "forwarder-killed-hand-over",
  says: "The forwarder is killed in the middle of a hand-over: another one is told where the traffic belongs, and the update comes.",
  world: handOverWorld,
  tries: few,
  run: async (trial) => {
    const { device } = trial;
    const { moving } = await askingAllTheWhile(trial, async (clients) => {
      const release = await midUpdate(trial, new Set(stages));
      await anotherForwarder(device, killForwarder(device), clients);
      await device.converged(release);
    });
    if (moving.restarts > 1) throw notSurvived("the traffic went back to the old copy");
  },
};

export const agentKilledInHandOver: Fault = {
  name: "hand-over-cut",
  says: "The agent is killed at a step boundary of a hand-over or of its way back: its forwarder lives, and no client is left without an answer.",
  world: handOverWorld,
  tries: fewCuts,
  run: async (trial) => {
    const { device } = trial;
    const forwarder = forwarderOf(device);
    const seen = await askingAllTheWhile(trial, async () => {
      const release = await cutAgent(trial, cuts);
      await device.agent.start();
      await device.settled(release);
    });
    withoutGap(seen);
    if (forwarderOf(device) !== forwarder) throw notSurvived("the forwarder did not outlive it");
    if (seen.moving.restarts > 1) throw notSurvived("the traffic went back to the old copy");
  },
};

export const allButWorkloadsKilled: Fault = {
  name: "hand-over-power-cut",
  says: "Agent and forwarder are killed together at a step boundary of a hand-over: what serves lives on, and is reached again once the agent is back.",
  world: handOverWorld,
  tries: fewCuts,
  run: async (trial) => {
    const { device } = trial;
    const { moving } = await askingAllTheWhile(trial, async (clients) => {
      const release = await cutAgent(trial, cuts);
      const forwarder = killForwarder(device);
      await device.agent.start();
      await anotherForwarder(device, forwarder, clients);
      await device.settled(release);
    });
    if (moving.restarts > 1) throw notSurvived("the traffic went back to the old copy");
  },
};

/** @returns which it was */
function killForwarder(device: Device): number {
  const pid = forwarderOf(device);
  process.kill(pid, "SIGKILL");
  return pid;
}
