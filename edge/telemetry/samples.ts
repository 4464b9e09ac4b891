// The last word of each copy of a service, in memory: the copy's next post rebuilds it.
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { type Telemetry, usualValidSeconds, type WorkloadReport } from "#shared/telemetry.ts";

export interface Copy {
  app: AppName;
  service: string;
  /** From 1. */
  instance: number;
}

export interface Samples {
  /** @throws FleetError state_conflict when the device has as many as it keeps */
  put(copy: Copy, telemetry: Telemetry): void;
  /** Forgets copies that are no longer there. */
  retain(isThere: (copy: Copy) => boolean): void;
  /** By app, service and number. What was said too long ago is unknown, and its values are gone. */
  all(): WorkloadReport[];
}

interface Sample {
  copy: Copy;
  telemetry: Telemetry;
  at: number;
  untilMs: number;
}

const maxSamples = 512;

export function createSamples(clock: { now(): number; monotonicMs(): number }): Samples {
  const samples = new Map<string, Sample>();
  return {
    put: (copy, telemetry) => {
      const key = keyOf(copy);
      if (!samples.has(key) && samples.size >= maxSamples) throw full();
      const validMs = (telemetry.validSeconds ?? usualValidSeconds) * 1000;
      samples.set(key, {
        copy,
        telemetry,
        at: clock.now(),
        untilMs: clock.monotonicMs() + validMs,
      });
    },
    retain: (isThere) => {
      for (const [key, { copy }] of samples) if (!isThere(copy)) samples.delete(key);
    },
    all: () => {
      const nowMs = clock.monotonicMs();
      return [...samples.values()].map((sample) => reportOf(sample, nowMs)).toSorted(byCopy);
    },
  };
}

function reportOf({ copy, telemetry, at, untilMs }: Sample, nowMs: number): WorkloadReport {
  if (nowMs >= untilMs) return { ...copy, state: "unknown", at };
  return { ...telemetry, ...copy, at };
}

function keyOf({ app, service, instance }: Copy): string {
  return `${app}/${service}/${instance}`;
}

export function byCopy(one: Copy, other: Copy): number {
  const [first, second] = [one, other].map(({ app, service }) => `${app}/${service}`);
  if (first !== second) return (first ?? "") < (second ?? "") ? -1 : 1;
  return one.instance - other.instance;
}

function full(): FleetError {
  return new FleetError("state_conflict", {
    message: `the device keeps the telemetry of ${maxSamples} copies, and of no more`,
    hint: "Let fewer copies post.",
  });
}
