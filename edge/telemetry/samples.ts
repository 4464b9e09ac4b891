// The last word of each copy of a service, in memory.
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
  /** For a later process of the same boot. */
  raw(): Sample[];
  /** What an earlier process had; what a copy has said since then goes before. */
  restore(samples: readonly Sample[]): void;
}

export interface Sample {
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
    raw: () => [...samples.values()],
    restore: (earlier) => {
      for (const sample of earlier) {
        const key = keyOf(sample.copy);
        if (!samples.has(key) && samples.size < maxSamples) samples.set(key, sample);
      }
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
