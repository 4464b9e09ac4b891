// A followed log over readings that break off: what is shown, what is said, and what ends it.
import * as assert from "node:assert/strict";
import { followLog } from "#hub/cli/api/log_follow.ts";
import type { LogMessage } from "#hub/cli/api/logs.ts";
import type { Clock } from "#shared/clock.ts";
import { systemClock } from "#shared/clock.ts";
import { type ErrorCode, FleetError } from "#shared/errors.ts";
import { maxTailLines } from "#shared/stream.ts";
import { suite } from "#test/suite.ts";

const test = suite("a log that is followed");

/** Nothing comes for a while. */
const silence = "silence";
type Script = (LogMessage | FleetError | typeof silence)[];

const line = (n: number): LogMessage => ({ event: "line", data: { at: n, text: `line ${n}` } });
const lines = (from: number, to: number): LogMessage[] =>
  Array.from({ length: to - from + 1 }, (_, at) => line(from + at));
const caughtUp: LogMessage = { event: "caughtUp", data: {} };
const end = (reason: "complete" | "lost" | "failed" | "expired", code?: string): LogMessage => ({
  event: "end",
  data: { reason, message: `it was ${reason}`, ...(code === undefined ? {} : { code }) },
});
const fault = (code: ErrorCode, retry?: "never"): FleetError =>
  new FleetError(code, { message: `said ${code}`, ...(retry === undefined ? {} : { retry }) });

interface Outcome {
  shown: string[];
  words: string[];
  tails: number[];
  pausesMs: number[];
  error?: FleetError;
}

/** Each reading plays one script; what breaks off does so with an error. */
async function follow(
  scripts: Script[],
  { tail = 3, random = 0.5, quietMs = 5000 } = {},
): Promise<Outcome> {
  const outcome: Outcome = { shown: [], words: [], tails: [], pausesMs: [] };
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms) => void outcome.pausesMs.push(ms),
  };
  async function* read(asked: number): AsyncGenerator<LogMessage> {
    const script = scripts[outcome.tails.length] ?? [end("complete")];
    outcome.tails.push(asked);
    for (const message of script) {
      if (message instanceof FleetError) throw message;
      if (message === silence) await systemClock.sleep(8 * quietMs);
      if (message !== silence) yield message;
    }
  }
  const onWatch = (words: string): void => void outcome.words.push(words);
  try {
    const options = { read, tail, clock, quietMs, onWatch, random: () => random };
    for await (const message of followLog(options)) {
      if (message.event === "line") outcome.shown.push(message.data.text);
      if (message.event === "dropped") outcome.shown.push(`dropped ${message.data.bytes}`);
      if (message.event === "end") outcome.shown.push(`end ${message.data.reason}`);
    }
  } catch (error) {
    assert.ok(error instanceof FleetError, String(error));
    outcome.error = error;
  }
  return outcome;
}

const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

test("a hub that goes away in the middle is come back to, without a line twice or missing", async () => {
  const { shown, words, tails } = await follow([
    [...lines(1, 3), caughtUp, line(4), fault("hub_unreachable")],
    [...lines(1, 6), caughtUp, line(7), end("complete")],
  ]);
  assert.deepEqual(shown, [...texts(1, 7), "end complete"]);
  assert.deepEqual(words, [
    "Lost the log: said hub_unreachable; trying to come back …",
    "The log goes on.",
  ]);
  assert.deepEqual(tails, [3, maxTailLines]);
});

test("it is said once for as long as it lasts, and the pauses grow with jitter", async () => {
  const away = fault("device_unreachable");
  const script: Script[] = [[caughtUp, line(1), end("lost")], [away], [away], [away], [away]];
  const { shown, words, pausesMs } = await follow([
    ...script,
    [line(1), caughtUp, line(2), end("complete")],
  ]);
  assert.deepEqual(shown, ["line 1", "line 2", "end complete"]);
  assert.deepEqual(words, ["Lost the log: it was lost; trying to come back …", "The log goes on."]);
  assert.deepEqual(pausesMs, [350, 600, 1100, 2100, 4100]);
});

test("a reading that breaks off before it has told what was there shows nothing twice", async () => {
  const { shown } = await follow([
    [...lines(1, 2), caughtUp, fault("hub_unreachable")],
    [...lines(1, 3), fault("hub_unreachable")],
    [...lines(1, 4), caughtUp, fault("hub_unreachable")],
    [...lines(2, 5), caughtUp, end("complete")],
  ]);
  assert.deepEqual(shown, [...texts(1, 5), "end complete"]);
});

test("a first reading that breaks off early is gone on with as well", async () => {
  const { shown } = await follow([
    [line(7), fault("hub_unreachable")],
    [...lines(1, 9), caughtUp, end("complete")],
  ]);
  assert.deepEqual(shown, [...texts(7, 9), "end complete"]);
});

test("an agent that does not say where the past ends holds nothing back for long", async () => {
  const old: Script[] = [
    [...lines(1, 2), fault("hub_unreachable")],
    [...lines(1, 3), silence, line(4), fault("hub_unreachable")],
    [...lines(1, 5), end("complete")],
  ];
  const { shown, words } = await follow(old, { quietMs: 20 });
  assert.deepEqual(shown, [...texts(1, 5), "end complete"]);
  assert.deepEqual(words.slice(0, 3), [
    "Lost the log: said hub_unreachable; trying to come back …",
    "The log goes on.",
    "Lost the log: said hub_unreachable; trying to come back …",
  ]);
});

test("nor when it is never silent: a past has so many lines and no more", async () => {
  const many: Script[] = [[line(1), fault("hub_unreachable")], lines(1, maxTailLines + 5)];
  const { shown, words } = await follow(many);
  assert.deepEqual(shown, texts(1, maxTailLines + 5));
  assert.equal(words[1], "The log goes on.");
});

test("what was lost of lines that were shown before is not told again", async () => {
  const dropped: LogMessage = { event: "dropped", data: { bytes: 5 } };
  const { shown } = await follow([
    [line(1), dropped, line(2), caughtUp, fault("hub_unreachable")],
    [line(1), dropped, line(2), caughtUp, dropped, line(3), end("complete")],
  ]);
  assert.deepEqual(shown, ["line 1", "dropped 5", "line 2", "dropped 5", "line 3", "end complete"]);
});

test("more than the device gives back is said", async () => {
  const { shown, words } = await follow([
    [line(1), caughtUp, fault("hub_unreachable")],
    [...lines(500, 499 + maxTailLines), caughtUp, end("complete")],
  ]);
  assert.equal(shown.length, maxTailLines + 2);
  assert.match(words[1] ?? "", /some are missing here/);
});

const passing: [name: string, last: LogMessage | FleetError][] = [
  ["the device is not connected", fault("device_unreachable")],
  ["too many read", fault("limit_reached")],
  ["the hub does not answer in time", fault("hub_unreachable", "never")],
  ["the hub's store is busy", fault("store_unavailable")],
  ["the device's Docker does not answer", end("failed", "runtime_unavailable")],
  ["the device is lost", end("lost")],
];
for (const [name, last] of passing) {
  test(`it comes back when ${name}`, async () => {
    const { shown, error } = await follow([
      [line(1), caughtUp, last],
      [line(1), caughtUp, line(2), end("complete")],
    ]);
    assert.deepEqual([shown, error], [["line 1", "line 2", "end complete"], undefined]);
  });
}

const final: [name: string, last: LogMessage | FleetError, expected: string][] = [
  ["the token is refused", fault("unauthenticated"), "unauthenticated"],
  ["the operator may not", fault("forbidden"), "forbidden"],
  ["the device is gone", fault("not_found"), "not_found"],
  ["the service is gone from the device", end("failed", "not_found"), "end failed"],
  ["an hour is over", end("expired"), "end expired"],
  ["all was told", end("complete"), "end complete"],
];
for (const [name, last, expected] of final) {
  test(`it ends when ${name}`, async () => {
    for (const scripts of [[[line(1), caughtUp, last]], [[caughtUp, end("lost")], [last]]]) {
      const { shown, error, tails } = await follow(scripts);
      assert.equal(error?.code ?? shown.at(-1), expected);
      assert.equal(tails.length, scripts.length);
    }
  });
}

test("a hub that is not reached the first time ends it at once", async () => {
  for (const code of ["hub_unreachable", "device_unreachable"] as const) {
    const { error, tails, words } = await follow([[fault(code)]]);
    assert.deepEqual([error?.code, tails.length, words], [code, 1, []]);
  }
});
