// When a device shows its hub what it holds, what it shows, and what an answer changes.
import * as assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { type Keepsakes, keepsakesInMemory } from "#edge/sync/keepsakes.ts";
import { createReturning, type Returning } from "#edge/sync/returning.ts";
import { type Envelope, seal as sealAny } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { ReturnRequest, ReturnResponse } from "#shared/gateway.ts";
import { suite } from "#test/suite.ts";
import { desiredState, hubKeys, identityFor, seal, silent } from "./fixture.ts";

const test = suite("edge/sync/returning");

/** What it says is no affair of the device. */
const paper = (text: string): Envelope => sealAny("text/plain", { text }, hubKeys.privateKey, "k");
const desired = seal(desiredState(7));

interface Bench {
  returning: Returning;
  keepsakes: Keepsakes;
  shown: ReturnRequest[];
  /** Delays that were asked for, in order. */
  slept: number[];
  warned: string[];
  /** Ends the oldest sleep. */
  pass(): Promise<void>;
  stop(): Promise<void>;
}

type Answer = (request: ReturnRequest) => Promise<ReturnResponse>;

const agrees: Answer = async ({ statement }) => ({ statement: statement ?? paper("first") });
const refuses: Answer = () =>
  Promise.reject(new FleetError("unauthenticated", { message: "the hub does not know it" }));
const isAway: Answer = () =>
  Promise.reject(new FleetError("hub_unreachable", { message: "nobody answers", retry: "later" }));

async function withReturning(
  answers: Answer[],
  body: (bench: Bench) => Promise<void>,
  more: { keepsakes?: Keepsakes; envelope?: () => Envelope | undefined } = {},
): Promise<void> {
  const keepsakes = more.keepsakes ?? keepsakesInMemory(identityFor());
  const [shown, slept, warned]: [ReturnRequest[], number[], string[]] = [[], [], []];
  const sleeping: (() => void)[] = [];
  const stopping = new AbortController();
  const returning = createReturning({
    gateway: {
      giveBack: async (request) => {
        shown.push(request);
        await turn();
        return (answers.length > 1 ? answers.shift() : answers[0])?.(request) ?? agrees(request);
      },
    },
    journal: { envelope: more.envelope ?? (() => desired) },
    keepsakes,
    clock: {
      now: () => 0,
      monotonicMs: () => 0,
      sleep: (delayMs, signal) => {
        slept.push(delayMs);
        const { promise, resolve } = Promise.withResolvers<void>();
        sleeping.push(resolve);
        if (signal?.aborted === true) resolve();
        signal?.addEventListener("abort", () => resolve());
        return promise;
      },
    },
    random: () => 0.5,
    logger: Object.assign(Object.create(silent) as typeof silent, {
      warn: (words: string) => void warned.push(words),
    }),
  });
  const work = returning.run(stopping.signal);
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  const pass = async (): Promise<void> => {
    sleeping.shift()?.();
    await settle();
  };
  const stop = async (): Promise<void> => {
    stopping.abort();
    await work;
  };
  try {
    await body({ returning, keepsakes, shown, slept, warned, pass, stop });
  } finally {
    await stop();
  }
}

test("shows nothing unasked", () =>
  withReturning([agrees], async ({ shown, slept, stop }) => {
    await turn();
    assert.deepEqual(slept, []);
    await stop();
    assert.deepEqual(shown, []);
  }));

test("shows all three documents, and keeps the statement that it is given", () =>
  withReturning([agrees], async ({ returning, keepsakes, shown }) => {
    keepsakes.keepMemo(paper("memo"));
    assert.equal(await returning.vouch(new AbortController().signal), true);
    assert.deepEqual(shown, [{ desired, memo: paper("memo") }]);
    assert.deepEqual(keepsakes.statement(), paper("first"));
    await returning.vouch(new AbortController().signal);
    assert.deepEqual(shown[1], { statement: paper("first"), desired, memo: paper("memo") });
  }));

test("a device that holds nothing yet shows an empty hand, and still gets a statement", () =>
  withReturning(
    [agrees],
    async ({ returning, keepsakes, shown }) => {
      assert.equal(await returning.vouch(new AbortController().signal), true);
      assert.deepEqual(shown, [{}]);
      assert.deepEqual(keepsakes.statement(), paper("first"));
    },
    { envelope: () => undefined },
  ));

test("the statement that it has is not written again", async () => {
  let writes = 0;
  const kept = keepsakesInMemory({ ...identityFor(), statement: paper("mine") });
  const keepsakes = {
    ...kept,
    keepStatement: () => {
      writes += 1;
    },
  };
  await withReturning(
    [agrees],
    async ({ returning }) => {
      assert.equal(await returning.vouch(new AbortController().signal), true);
    },
    { keepsakes },
  );
  assert.equal(writes, 0);
});

test("a hub that has taken the device back has done so, also when the disk does not take the statement", async () => {
  const keepsakes = {
    ...keepsakesInMemory(identityFor()),
    keepStatement: () => {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    },
  };
  await withReturning(
    [agrees],
    async ({ returning, warned }) => {
      assert.equal(await returning.vouch(new AbortController().signal), true);
      assert.match(warned.join(), /^the hub's statement cannot be kept: /);
    },
    { keepsakes },
  );
});

test("a refusal, a hub that is away and a journal that cannot be read are a no, and no error", async () => {
  for (const answer of [refuses, isAway]) {
    await withReturning([answer], async ({ returning, keepsakes }) => {
      assert.equal(await returning.vouch(new AbortController().signal), false);
      assert.equal(keepsakes.statement(), undefined);
    });
  }
  const envelope = (): never => {
    throw new FleetError("journal_unusable", { message: "disk I/O error" });
  };
  await withReturning(
    [agrees],
    async ({ returning, shown }) => {
      assert.equal(await returning.vouch(new AbortController().signal), false);
      assert.deepEqual(shown, []);
    },
    { envelope },
  );
});

test("both ways to the hub that are refused at once show it once", () =>
  withReturning([agrees], async ({ returning, shown }) => {
    const { signal } = new AbortController();
    const both = await Promise.all([returning.vouch(signal), returning.vouch(signal)]);
    assert.deepEqual(both, [true, true]);
    assert.equal(shown.length, 1);
    await returning.vouch(signal);
    assert.equal(shown.length, 2);
  }));

test("a hub that is behind is told within two seconds, then left in peace for half a minute", () =>
  withReturning([agrees], async ({ returning, shown, slept, pass }) => {
    returning.behind();
    returning.behind();
    await pass();
    assert.deepEqual(slept, [1000]);
    await pass();
    assert.equal(shown.length, 1);
    assert.deepEqual(slept, [1000, 30_000]);
    // Said meanwhile: it counts once the rest is over.
    returning.behind();
    await turn();
    assert.equal(shown.length, 1);
    await pass();
    await pass();
    assert.equal(shown.length, 2);
  }));

test("a hub that is behind and away is told again, ever later, until it has heard", () =>
  withReturning([isAway, isAway, agrees], async ({ returning, shown, slept, pass }) => {
    returning.behind();
    await pass();
    for (let step = 0; step < 8; step += 1) await pass();
    assert.equal(shown.length, 3);
    const [, first = 0, , second = 0, , rest] = slept;
    assert.equal(first > 0 && second > first && rest === 30_000, true, slept.join());
  }));

test("ends with the device, also in the middle of a wait", () =>
  withReturning([isAway], async ({ returning, shown, stop, pass }) => {
    returning.behind();
    await pass();
    await stop();
    const told = shown.length;
    returning.behind();
    await turn();
    assert.equal(shown.length, told);
  }));
