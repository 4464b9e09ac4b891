// Moves the copies of an app over its runtimes: pulls, starts and removes several together.
import type { InstanceRef, ObservedInstance, ResolvedApp, Runtime } from "#edge/runtime/port.ts";

/** At most so many instances of an app start at the same time: a Pi has four cores and one card. */
export const startsAtOnce = 4;

type Runtimes = readonly Runtime[];

export async function pullImages(
  runtimes: Runtimes,
  app: ResolvedApp,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<void> {
  const wanted = Object.values(app.services).filter(({ spec }) => spec.replicas > 0);
  const seen = new Set<string>();
  for (const [at, { spec, runtime }] of wanted.entries()) {
    const { image, pullPolicy: policy, platform } = spec;
    if (image === undefined || seen.has(`${image} ${platform}`)) continue;
    seen.add(`${image} ${platform}`);
    const onShare = (share: number): void => onProgress((at + share) / wanted.length);
    const port = runtimes.find(({ name }) => name === runtime);
    await port?.pull(image, { policy, platform, signal, onProgress: onShare });
  }
}

/** Services one after the other as ordered, the copies of one service together. */
export async function removeInOrder(
  runtimes: Runtimes,
  instances: readonly ObservedInstance[],
): Promise<void> {
  for (const service of new Set(instances.map((one) => one.service))) {
    const copies = instances.filter((one) => one.service === service);
    await settleAll(copies.map(async (copy) => runtimeOf(runtimes, copy)?.remove(copy)));
  }
}

function runtimeOf(runtimes: Runtimes, copy: ObservedInstance): Runtime | undefined {
  return runtimes.find(({ name }) => name === copy.runtime);
}

export async function startTogether(
  runtimes: Runtimes,
  app: ResolvedApp,
  instances: readonly InstanceRef[],
): Promise<void> {
  for (const runtime of runtimes) {
    const own = instances.filter(({ service }) => app.services[service]?.runtime === runtime.name);
    if (own.length === 0) continue;
    await runtime.prepare(app);
    const queue = [...own];
    const drain = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await runtime.start(app, next);
      }
    };
    await settleAll(Array.from({ length: startsAtOnce }, drain));
  }
}

/** Waits for all and then throws the first failure, so that nothing goes on behind the loop's back. */
async function settleAll(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
