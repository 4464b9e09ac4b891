// One live stream on the device: sends no more than it has credit for, keeps what the hub has not yet
// taken, and ends by itself when the hub no longer asks.
//
// What holds at every moment:
//   in memory        one batch of the source, and messages of at most `maxUnansweredCost` and one batch
//   order            messages are numbered from 1, and sent again from where the hub is
//   the end          said once, as the last message; kept until the hub closes the stream or one lease is over
import { createWake } from "#edge/sync/wake.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import {
  type CreditCommand,
  costOf,
  type EndReason,
  type LogLine,
  maxUnansweredCost,
  type NumberedOutput,
  type OpenCommand,
} from "#shared/stream.ts";
import { chunksOf } from "./chunks.ts";
import type { Pace } from "./pace.ts";
import type { SourceItem, Wanted } from "./source.ts";

export interface OutStream {
  /** The next message that is to be sent; it counts as sent. */
  next(): NumberedOutput | undefined;
  /** Sends again all that the hub has not confirmed: the connection is another one. */
  resume(): void;
  credit(command: CreditCommand): void;
  end(reason: EndReason, message: string): void;
  /** Looks whether it must end. To be called about once a second.
   *  @returns false when it may be forgotten */
  tick(): boolean;
  /** Lets go of the source at once. */
  drop(): void;
}

interface Options {
  command: OpenCommand;
  /** @throws FleetError */
  open: (wanted: Wanted) => AsyncIterable<SourceItem>;
  clock: Clock;
  pace: Pace;
  /** There is something to send. */
  onNews: () => void;
}

export function createOutStream(options: Options): OutStream {
  const { command, clock, onNews } = options;
  const stopping = new AbortController();
  const moved = createWake();
  const beganMs = clock.monotonicMs();
  let leaseEndsMs = beganMs + command.leaseMs;
  let endedMs: number | undefined;
  let { credit } = command;
  let creditNumber = 0;
  let sentCost = 0;
  let unansweredCost = 0;
  /** Not yet confirmed, oldest first; those before `nextIndex` were sent. */
  let unanswered: NumberedOutput[] = [];
  let nextIndex = 0;
  let seq = 0;
  let saidSinceCredit = false;

  const say = (message: NumberedOutput): void => {
    unanswered.push(message);
    saidSinceCredit = true;
    onNews();
  };
  const sayLines = (lines: LogLine[], droppedBytes: number, more: { caughtUp?: true } = {}) => {
    seq += 1;
    const cost = costOfAll(lines);
    sentCost += cost;
    unansweredCost += cost;
    const dropped = droppedBytes > 0 ? { droppedBytes } : {};
    say({ kind: "lines", stream: command.stream, seq, lines, ...dropped, ...more });
  };
  const end = (reason: EndReason, message: string, error?: FleetError): void => {
    if (endedMs !== undefined) return;
    endedMs = clock.monotonicMs();
    stopping.abort();
    seq += 1;
    const why = error === undefined ? {} : { code: error.code };
    const hint = error?.hint === undefined ? {} : { hint: error.hint };
    say({ kind: "end", stream: command.stream, seq, reason, message, ...why, ...hint });
  };
  const mayGo = (): boolean => sentCost < credit && unansweredCost < maxUnansweredCost;
  const sendItem = async (item: SourceItem): Promise<void> => {
    for (const { lines, droppedBytes } of chunksOf(item)) {
      while (!mayGo() && !stopping.signal.aborted) await moved.wait(stopping.signal);
      await options.pace.take(costOfAll(lines), stopping.signal);
      if (stopping.signal.aborted) return;
      sayLines(lines, droppedBytes);
    }
    if (item.caughtUp === true && command.follow) sayLines([], 0, { caughtUp: true });
  };
  const pump = async (): Promise<void> => {
    try {
      for await (const item of options.open(wantedOf(command, clock, stopping.signal))) {
        await sendItem(item);
        // The source is open, though it may have nothing to say.
        if (seq === 0) sayLines([], 0);
        if (stopping.signal.aborted) return;
      }
      end("complete", "all was sent");
    } catch (thrown) {
      const error = asFleetError(thrown);
      const reason = error.code === "not_found" ? "refused" : "failed";
      end(reason, error.sentence, error);
    }
  };
  void pump();

  return {
    next: () => {
      const message = unanswered[nextIndex];
      if (message !== undefined) nextIndex += 1;
      return message;
    },
    resume: () => {
      nextIndex = 0;
      onNews();
    },
    credit: (more) => {
      if (more.number <= creditNumber) return;
      creditNumber = more.number;
      leaseEndsMs = clock.monotonicMs() + command.leaseMs;
      credit = Math.max(credit, more.credit);
      const taken = unanswered.filter((message) => message.seq <= more.received);
      unanswered = unanswered.slice(taken.length);
      nextIndex = more.again === true ? 0 : Math.max(0, nextIndex - taken.length);
      for (const message of taken) unansweredCost -= costOfMessage(message);
      // Tells the hub that the stream lives, and by its number whether something before it was lost.
      if (!saidSinceCredit && endedMs === undefined) sayLines([], 0);
      saidSinceCredit = false;
      moved.set();
      onNews();
    },
    end,
    tick: () => {
      const now = clock.monotonicMs();
      if (endedMs !== undefined) return now - endedMs < command.leaseMs;
      if (now >= leaseEndsMs) end("abandoned", "nobody has asked for more lines");
      else if (now - beganMs >= command.lifetimeMs) {
        end("expired", "a live stream does not last longer than this; ask again");
      }
      return true;
    },
    drop: () => {
      endedMs ??= clock.monotonicMs();
      stopping.abort();
    },
  };
}

function wantedOf(command: OpenCommand, clock: Clock, signal: AbortSignal): Wanted {
  const { tail, follow, maxAgeMs } = command;
  const since = maxAgeMs === undefined ? {} : { sinceMs: clock.now() - maxAgeMs };
  return { tail, follow, ...since, signal };
}

function costOfAll(lines: readonly LogLine[]): number {
  return lines.reduce((sum, line) => sum + costOf(line), 0);
}

function costOfMessage(message: NumberedOutput): number {
  return message.kind === "lines" ? costOfAll(message.lines) : 0;
}
