// Keeps room on the disk: gives up the ballast, and then what is missed least, and makes the ballast again.
import type { Journal } from "#edge/journal/port.ts";
import { type DiskFacts, measureDisk, type Statfs } from "#edge/observe/disk.ts";
import type { DiskRoom } from "#edge/plan/safe_mode.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { Ballast } from "./disk_ballast.ts";
import type { Log } from "./parts.ts";
import { settledWithin } from "./tasks.ts";

/** Something that may go when the disk is short. */
export interface Collector {
  /** What goes, e.g. `unused images`. */
  name: string;
  /** `always`: harmless, so it is also done at the deep check. `short`: it will be fetched again. */
  when: "always" | "short";
  /** @returns what was removed, in words; undefined when there was nothing */
  collect(): Promise<string | undefined>;
}

interface Options {
  dataDirectory: string;
  reserveBytes: number;
  ballast: Ballast;
  /** In order of harm, the least first. */
  collectors: readonly Collector[];
  journal: Pick<Journal, "append">;
  clock: Clock;
  log: Log;
  /** Another disk for tests. */
  stat?: Statfs;
}

export interface DiskCare {
  /** One statfs(2) when all is well. Never throws: a disk that cannot be measured stops nothing. */
  round(): Promise<void>;
  /** What is harmless to remove, whatever room there is. @returns what was removed, in words */
  clean(): Promise<string[]>;
  /** As last measured; undefined before the first time. */
  facts(): DiskFacts | undefined;
  /** Measured now. */
  room(): Promise<DiskRoom>;
}

/** Collecting may cost calls to the Engine and downloads later: not at every round. */
const collectEveryMs = 600_000;
/** How long a round waits for what goes on beside it: no longer than an update or a repair may wait. */
const patienceMs = 1000;
/** The ballast is made again when so many times its size is free beyond the reserve. */
const comfortFactor = 2;

export function createDiskCare(options: Options): DiskCare {
  const { dataDirectory, reserveBytes, ballast, journal, clock, log } = options;
  let facts: DiskFacts | undefined;
  let collectedMs = Number.NEGATIVE_INFINITY;
  /** Of what is harmless. */
  let collecting: Promise<string[]> | undefined;
  /** The same, begun for want of room: its result waits for the round that takes it up. */
  let relief: Promise<string[]> | undefined;
  let making: Promise<void> | undefined;
  let isTold = false;

  const measure = async (): Promise<DiskFacts> => {
    const measured = await measureDisk(dataDirectory, options.stat);
    const { bytes: ballastBytes } = ballast;
    facts = { ...measured, reserveBytes, ballast: ballast.isThere(), ballastBytes };
    return facts;
  };

  const tell = (type: "Normal" | "Warning", reason: string, message: string): void => {
    journal.append({ kind: "event", body: { type, reason, message } });
  };

  const runCollectors = async (which: Collector["when"][]): Promise<string[]> => {
    const removed: string[] = [];
    for (const { name, when, collect } of options.collectors) {
      if (!which.includes(when)) continue;
      try {
        const done = await collect();
        if (done !== undefined) removed.push(done);
      } catch (error) {
        const { code, sentence } = asFleetError(error);
        log.warn({ what: name, code, why: sentence }, "disk space could not be collected");
      }
      if (when === "short" && !isShort(await measure())) break;
    }
    return removed;
  };

  /** Once at a time: it is also a part of the deep check. */
  const clean = (): Promise<string[]> => {
    collecting ??= runCollectors(["always"]).finally(() => {
      collecting = undefined;
    });
    return collecting;
  };

  /** An Engine takes a minute to remove a large image from a slow card: that is no loop that hangs. What may
   *  not go on beside the loop's steps begins only after that, if it is still needed.
   *  @returns undefined while it goes on */
  const collect = async (): Promise<string[] | undefined> => {
    relief ??= clean();
    if (!(await settledWithin(relief, patienceMs))) return undefined;
    const removed = await relief;
    relief = undefined;
    if (!isShort(await measure())) return removed;
    return [...removed, ...(await runCollectors(["short"]))];
  };

  const relieve = async (before: DiskFacts): Promise<void> => {
    if (before.freeBytes < before.ballastBytes && ballast.release()) {
      tell("Warning", "BallastReleased", `${roomText(await measure())}; the ballast was given up`);
    }
    if (clock.monotonicMs() - collectedMs < collectEveryMs) return;
    const removed = await collect();
    if (removed === undefined) return;
    collectedMs = clock.monotonicMs();
    if (isTold && removed.length === 0) return;
    const what = removed.length === 0 ? "nothing can be removed" : `removed: ${removed.join(", ")}`;
    tell("Warning", "DiskShort", `${roomText(before)}; ${what}`);
    isTold = true;
  };

  const settle = async (): Promise<void> => {
    const now = await measure();
    if (isShort(now)) return await relieve(now);
    collectedMs = Number.NEGATIVE_INFINITY;
    relief = undefined;
    isTold = false;
    const comfort = now.reserveBytes + now.ballastBytes * comfortFactor;
    if (!now.ballast && now.ballastBytes > 0 && now.freeBytes > comfort) {
      await makeBallast();
    }
  };

  /** A worn card takes a minute for it, which is no loop that hangs either. */
  const makeBallast = async (): Promise<void> => {
    making ??= ballast.make().finally(() => {
      making = undefined;
    });
    const made = making;
    if (!(await settledWithin(made, patienceMs))) return;
    await made;
    await measure();
  };

  return {
    facts: () => facts,
    clean,
    room: async () => {
      const { freeBytes, ballast: isThere, ballastBytes } = await measure();
      return { freeBytes: freeBytes + (isThere ? ballastBytes : 0), reserveBytes };
    },
    round: () =>
      settle().catch((error: unknown) => {
        const { code, sentence } = asFleetError(error);
        log.warn({ code, why: sentence }, "the disk could not be looked after");
      }),
  };
}

function isShort({ freeBytes, reserveBytes }: DiskFacts): boolean {
  return freeBytes < reserveBytes;
}

function roomText({ freeBytes, reserveBytes }: DiskFacts): string {
  const [free, reserve] = [freeBytes, reserveBytes].map((bytes) => (bytes / 1e6).toFixed(1));
  return `${free} MB are free on the disk, and ${reserve} MB should be`;
}
