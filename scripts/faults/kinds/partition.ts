// Networks that break in every way and heal, and how soon afterwards a device runs what was committed meanwhile.
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Trial } from "#scripts/faults/fault.ts";
import { figuresOf, inWords, nearlyAllWithin } from "#scripts/faults/figures.ts";
import { localStatus } from "#scripts/faults/local_page.ts";
import { behindProxies, type Network } from "#scripts/faults/network.ts";
import type { Faults } from "#scripts/faults/proxy.ts";
import { createRandom, type Random } from "#scripts/faults/random.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";

/** Within which 99 of 100 converge once the network is sound. */
const wantedMs = 30_000;
/** A device that takes so long does not come back by itself. */
const hopelessMs = 120_000;
const samples = 100;
const isolatedAfterSeconds = 15;

/** A break of the network. */
interface Break {
  faults: Faults;
  /** The connections that are there are reset; without it they stay, and nobody is told. */
  resets?: true;
  /** The device hears nothing of its hub. */
  isDeaf: boolean;
}

const [swallow, hold] = [{ swallow: true }, { hold: true }];
const breaks = {
  refused: { faults: { refuse: true }, resets: true, isDeaf: true },
  "cut, then silent": { faults: { up: swallow, down: swallow }, resets: true, isDeaf: true },
  silent: { faults: { up: swallow, down: swallow }, isDeaf: true },
  deaf: { faults: { down: swallow }, isDeaf: true },
  mute: { faults: { up: swallow }, isDeaf: false },
  held: { faults: { up: hold, down: hold }, isDeaf: true },
} as const satisfies Record<string, Break>;
type BreakName = keyof typeof breaks;

/** One partition of one device. */
interface Partition {
  how: BreakName;
  lastsMs: number;
}

interface Sample extends Partition {
  convergedMs: number;
  wasIsolated: boolean;
}

/** @param random of this device
 *  @param options.sample none that takes a minute */
export function planPartitions(
  random: Random,
  { rounds, sample }: { rounds: number; sample: boolean },
): Partition[] {
  const names = Object.keys(breaks) as [BreakName, ...BreakName[]];
  return Array.from({ length: rounds }, () => {
    const isLong = random.next() < 0.3;
    const isolatingMs = isolatedAfterSeconds * 1000 + 5000;
    const lastsMs = isLong
      ? random.between(isolatingMs, sample ? isolatingMs + 2000 : 60_000)
      : random.between(2000, 14_000);
    return { how: random.pick(names), lastsMs };
  });
}

export const partitions: Fault = {
  name: "partition",
  says: "Networks break in every way, for seconds or until devices call themselves isolated, with a commit in the middle: 99 of 100 converge within 30 s of the healing.",
  alone: true,
  world: { device: { agent: { isolatedAfterSeconds } } },
  tries: () => 1,
  run: async (trial) => {
    const { world, scope, note } = trial;
    const { devices } = world;
    const rounds = scope.sample ? 1 : Math.ceil(samples / devices.length);
    const all = await allOf(
      devices.map((device, at) => {
        const random = createRandom(trial.seed * 1000 + at);
        return measured(trial, device, planPartitions(random, { rounds, sample: scope.sample }));
      }),
    );
    const found = all.flat();
    note(summaryOf(found));
    const times = found.map(({ convergedMs }) => convergedMs);
    if (!nearlyAllWithin(times, wantedMs)) throw notSurvived("more than one of 100 took over 30 s");
    if (!scope.sample && !found.some(({ wasIsolated }) => wasIsolated)) {
      throw notSurvived("no partition was so long that a device called itself isolated");
    }
  },
};

/** All have ended when this returns or throws: none goes on in a world that is over. */
async function allOf<T>(running: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running);
  return await Promise.all(running);
}

async function measured(trial: Trial, device: Device, plan: Partition[]): Promise<Sample[]> {
  const found: Sample[] = [];
  await behindProxies({ ...trial, device, note: () => undefined }, async (network) => {
    for (const partition of plan) found.push(await partitioned(device, network, partition));
  });
  return found;
}

async function partitioned(
  device: Device,
  network: Network,
  { how, lastsMs }: Partition,
): Promise<Sample> {
  const { faults, ...way }: Break = breaks[how];
  network.set(faults);
  if (way.resets) network.cut();
  await pause(lastsMs / 2);
  const release = await device.release("good");
  await pause(lastsMs / 2);
  const wasIsolated = (await localStatus(device)).isolated === true;
  const mustBe = way.isDeaf && lastsMs > isolatedAfterSeconds * 1000 + 4000;
  if (mustBe && !wasIsolated) {
    throw notSurvived(`${device.id} is not isolated (${how}, ${inSeconds(lastsMs)})`);
  }
  network.set({});
  const healed = performance.now();
  await device.converged(release, hopelessMs);
  const convergedMs = performance.now() - healed;
  const isFound = async (): Promise<boolean> => (await localStatus(device)).isolated !== true;
  await until(`${device.id} is isolated no more`, isFound, { limitMs: wantedMs });
  return { how, lastsMs, convergedMs, wasIsolated };
}

function summaryOf(found: readonly Sample[]): string {
  const times = found.map(({ convergedMs }) => convergedMs);
  const isolated = found.filter(({ wasIsolated }) => wasIsolated).length;
  const late = times.filter((timeMs) => timeMs > wantedMs).length;
  const worst = found.toSorted((a, b) => b.convergedMs - a.convergedMs)[0];
  const about = worst === undefined ? "" : ` (${worst.how}, ${inSeconds(worst.lastsMs)})`;
  return `from healing to converged, ${inWords(figuresOf(times))}${about}; ${late} over 30 s, ${isolated} isolated`;
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`;
}
