// Ends the hub's parts stage by stage; a part that fails or hangs does not keep the others from ending.
import { setTimeout as wait } from "node:timers/promises";
import { asFleetError } from "#shared/errors.ts";
import { once } from "#shared/once.ts";

/** Parts that end together, by name. */
export type Stage = Readonly<Record<string, () => void | Promise<void>>>;

interface Options {
  /** In the order of ending. */
  stages: readonly Stage[];
  /** For all of them together. */
  limitMs: number;
  /** Kept back for each later stage, so that one that hangs leaves the others time. */
  reserveMs: number;
  readonly onFailed: (part: string, code: string, why: string) => void;
}

export interface Ending {
  /** Idempotent.
   *  @returns whether every part has ended well and in time */
  run(): Promise<boolean>;
}

export function createEnding({ stages, limitMs, reserveMs, onFailed }: Options): Ending {
  let well = true;
  const fail = (part: string, thrown: unknown): void => {
    const { code, sentence } = asFleetError(thrown);
    onFailed(part, code, sentence);
    well = false;
  };
  const endAll = async (): Promise<void> => {
    const beganMs = performance.now();
    for (const [index, stage] of stages.entries()) {
      const later = (stages.length - 1 - index) * reserveMs;
      const leftMs = Math.max(reserveMs, limitMs - later - (performance.now() - beganMs));
      await endStage(stage, leftMs, fail);
    }
  };
  const end = once(endAll);
  return { run: () => end().then(() => well) };
}

async function endStage(
  stage: Stage,
  limitMs: number,
  fail: (part: string, thrown: unknown) => void,
): Promise<void> {
  const open = new Set(Object.keys(stage));
  const ended = Object.entries(stage).map(async ([part, end]) => {
    try {
      await end();
    } catch (thrown) {
      fail(part, thrown);
    } finally {
      open.delete(part);
    }
  });
  const inTime = new AbortController();
  const limit = wait(limitMs, undefined, { signal: inTime.signal }).catch(() => undefined);
  await Promise.race([Promise.allSettled(ended), limit]);
  inTime.abort();
  for (const part of open) fail(part, new Error(`it did not end within ${Math.round(limitMs)} ms`));
}
