// A log that is followed over broken connections: comes back by itself, repeats no line, and loses none that its
// device still has.
import type { Clock } from "#shared/clock.ts";
import { type ErrorCode, errorCodes } from "#shared/errors.ts";
import { type LogLine, maxTailLines } from "#shared/stream.ts";
import { comebackMs, mayComeBack } from "./comeback.ts";
import { withEndOfPast } from "./log_past.ts";
import { createLogSeam, type LogSeam } from "./log_seam.ts";
import type { LogMessage } from "./logs.ts";

interface Options {
  /** One reading of the log, to its end.
   *  @throws FleetError as `logStream` does */
  read(tail: number): AsyncIterable<LogMessage>;
  /** Lines from before that the first reading gives. */
  tail: number;
  clock: Clock;
  /** Uniform in [0, 1). */
  random?: (() => number) | undefined;
  /** Silence after which an agent that does not say so is taken to have told what was there. */
  quietMs?: number;
  /** Told when the log is lost and found, and when lines are missing. */
  onWatch?: ((words: string) => void) | undefined;
}

interface Place {
  seam: LogSeam;
  /** The first reading has begun: from now on only what will not pass ends the log. */
  hasBeenOpen: boolean;
  /** The first reading has shown that the agent says where the past ends. */
  tellsPast: boolean;
  /** Readings since the last one that went on from where the log was. */
  failures: number;
}

type End = Extract<LogMessage, { event: "end" }>;

const pauses = { baseMs: 500, maxMs: 10_000 };

/** Ends after the message `end`, which is then one for good.
 *  @throws FleetError when the hub refuses, or is not reached the first time */
export async function* followLog(options: Options): AsyncGenerator<LogMessage> {
  const { tail, clock, onWatch, random = Math.random } = options;
  const floorMs = tail === 0 ? clock.now() : Number.NEGATIVE_INFINITY;
  const seam = createLogSeam(floorMs);
  const place: Place = { seam, hasBeenOpen: false, tellsPast: false, failures: 0 };
  for (;;) {
    const why = yield* oneReading(options, place);
    if (why === undefined) return;
    if (place.failures === 0) onWatch?.(`Lost the log: ${why}; trying to come back …`);
    await clock.sleep(comebackMs(place.failures, random(), pauses));
    place.failures += 1;
  }
}

/** @returns why it broke off; undefined at the end */
async function* oneReading(
  options: Options,
  place: Place,
): AsyncGenerator<LogMessage, string | undefined> {
  try {
    for await (const message of joined(options, place)) {
      if (message.event !== "end") yield message;
      else if (willPass(message.data)) return message.data.message;
      else yield message;
    }
    return undefined;
  } catch (error) {
    if (place.hasBeenOpen && mayComeBack(error)) return error.message;
    throw error;
  }
}

/** Nothing of a later reading is given on before it is known what of it is new. */
async function* joined(options: Options, place: Place): AsyncGenerator<LogMessage> {
  const { seam } = place;
  const isFirst = !place.hasBeenOpen;
  let held: LogMessage[] | undefined = isFirst ? undefined : [];
  for await (const message of reading(options, place)) {
    place.hasBeenOpen = true;
    if (isFirst && message.event === "caughtUp") place.tellsPast = true;
    if (held !== undefined && (message.event === "caughtUp" || message.event === "end")) {
      yield* release(held, seam, options.onWatch);
      held = undefined;
      if (message.event === "caughtUp") isBack(options, place);
    }
    if (held !== undefined) held.push(message);
    else {
      if (message.event === "line") seam.note(message.data);
      yield message;
    }
  }
}

function reading(options: Options, { hasBeenOpen, tellsPast }: Place): AsyncIterable<LogMessage> {
  if (!hasBeenOpen) return options.read(options.tail);
  const again = options.read(maxTailLines);
  return tellsPast ? again : withEndOfPast(again, options.clock, options.quietMs);
}

function isBack({ onWatch }: Options, place: Place): void {
  place.failures = 0;
  onWatch?.("The log goes on.");
}

function* release(
  held: readonly LogMessage[],
  seam: LogSeam,
  onWatch: Options["onWatch"],
): Generator<LogMessage> {
  const past = held.flatMap((message): LogLine[] =>
    message.event === "line" ? [message.data] : [],
  );
  const { unseen, hasGap } = seam.join(past);
  if (hasGap)
    onWatch?.(`More was said than the last ${maxTailLines} lines: some are missing here.`);
  for (const message of held) {
    // What was lost of lines that were read before has been told before.
    if (message.event !== "line" || !unseen.has(message.data)) continue;
    seam.note(message.data);
    yield message;
  }
}

function willPass({ reason, code }: End["data"]): boolean {
  if (reason === "lost" || reason === "abandoned") return true;
  const isKnown = code !== undefined && Object.hasOwn(errorCodes, code);
  return isKnown && errorCodes[code as ErrorCode] === "later";
}
