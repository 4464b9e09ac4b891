// The count of starts, and what is decided, when the journal cannot be written.
import * as assert from "node:assert/strict";
import type { AgentParts } from "#edge/agent/parts.ts";
import { createSafety, type Safety } from "#edge/agent/safety.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("safety on a full disk");

interface Scene {
  safety: Safety;
  /** What is remembered under `starts`. */
  starts(): unknown;
  warnings: string[];
  fillDisk(isFull: boolean): void;
}

function scene(): Scene {
  const kept = new Map<string, unknown>();
  const warnings: string[] = [];
  let isFull = false;
  const refuse = (): void => {
    if (isFull) throw new FleetError("journal_unusable", { message: "full", retry: "later" });
  };
  const parts = {
    journal: {
      bootId: "boot",
      recall: (key: string) => kept.get(key),
      remember: (key: string, value: unknown) => {
        refuse();
        kept.set(key, value);
      },
      append: refuse,
      desired: () => undefined,
      updates: () => [],
    },
    diskRoom: async () => ({ freeBytes: isFull ? 0 : 1e9, reserveBytes: 1e8 }),
    clock: { now: () => 0, monotonicMs: () => 0 },
    settings: () => ({ healthyAfterMs: 0 }),
    log: {
      warn: (_: object, message: string) => void warnings.push(message),
      error: () => undefined,
    },
  };
  const options = { tryAgain: refuse, onRest: () => undefined };
  return {
    // Only what counting starts and deciding take.
    safety: createSafety({ parts: parts as unknown as AgentParts, ...options }),
    starts: () => kept.get("starts"),
    warnings,
    fillDisk: (full) => {
      isFull = full;
    },
  };
}

test("a start on a full disk is a start, and says once that it was not counted", () => {
  const { safety, fillDisk, warnings } = scene();
  fillDisk(true);
  safety.begin();
  safety.stopped();
  assert.deepEqual(warnings, ["this start could not be journalled"]);
});

test("a start that proved itself on a full disk is struck off once there is room", () => {
  const { safety, fillDisk, starts } = scene();
  safety.begin();
  fillDisk(true);
  safety.ended("well");
  assert.equal((starts() as unknown[]).length, 1);
  fillDisk(false);
  safety.ended("well");
  assert.equal(starts(), undefined);
});

test("what a full disk keeps from being tried again keeps nobody from seeing that it is full", async () => {
  const { safety, fillDisk } = scene();
  safety.begin();
  fillDisk(true);
  safety.order({ kind: "again" });
  await safety.decide();
  assert.equal(safety.report()?.cause, "diskFull");
});
