// The device's wall clock is wrong: in 1970, ten years ahead, or it jumps back during an update.

import { createFakeClock, type FakeClock } from "#scripts/faults/faketime.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);
const common = { needs: ["libfaketime"], tries: few } as const;
const day = 86_400;
const decade = 3653 * day;
const firstYear = 100;
/** Less than the least of all jumps. */
const nearMs = 30_000;

export const clockIn1970: Fault = {
  ...common,
  name: "clock-1970",
  says: "The device starts in 1970; updates come and bad ones are rolled back, then the clock is set.",
  run: (trial) =>
    withClock(trial, firstYear - Math.round(Date.now() / 1000), (clock) => update(trial, clock)),
};

export const clockAhead: Fault = {
  ...common,
  name: "clock-ahead",
  says: "The clock is ten years ahead; updates come and bad ones are rolled back, then the clock is set.",
  run: (trial) => withClock(trial, decade, (clock) => update(trial, clock)),
};

export const clockBack: Fault = {
  ...common,
  name: "clock-back",
  says: "The clock jumps back by a minute to ten years in the middle of an update, which goes on.",
  run: (trial) =>
    withClock(trial, 0, async (clock) => {
      const { device, random, note } = trial;
      const back = random.pick([60, 3600, day, decade]);
      note(`${back} s back`);
      const release = await midUpdate(trial);
      await clock.setOffset(-back);
      await device.converged(release);
      await hasClock(trial, -back);
    }),
};

/** A good and a bad update by the wrong clock; every other time it is put right in the middle of one. */
async function update(trial: Trial, clock: FakeClock): Promise<void> {
  const { device, seed, random } = trial;
  await device.converged(await device.release("good"));
  await hasClock(trial, clock.offsetSeconds());
  const bad = await device.release("crash");
  if (seed % 2 === 0) {
    await pause(random.between(0, 3000));
    await clock.setOffset(0);
  }
  await device.rolledBack(bad);
}

/** The newest entry that the hub has of the device is of that time. */
async function hasClock({ world, device }: Trial, offsetSeconds: number): Promise<void> {
  const wrongMs = async (): Promise<number> => {
    const [newest] = (await world.hub.journal(device.id)).items;
    return Math.abs((newest?.at ?? 0) - Date.now() - offsetSeconds * 1000);
  };
  await until("an entry by the wrong clock", async () => (await wrongMs()) < nearMs, {
    limitMs: 10_000,
  });
}

/** The agent has the clock, and nothing else has. */
async function withClock(
  { device }: Trial,
  offsetSeconds: number,
  body: (clock: FakeClock) => Promise<void>,
): Promise<void> {
  const clock = await createFakeClock(`${device.agent.logFile}.clock`, offsetSeconds);
  await device.agent.restart({ environment: clock.environment });
  await body(clock);
  await clock.setOffset(0);
  await device.converged(await device.release("good"));
  await device.agent.restart();
}
