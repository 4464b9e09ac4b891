// Says where the past of a log ends when its agent does not: one of an earlier version sends no `caughtUp`.
import type { Clock } from "#shared/clock.ts";
import { maxTailLines } from "#shared/stream.ts";
import type { LogMessage } from "./logs.ts";

/** Silence after which the past must be over: it comes as fast as the line takes it. */
const usualQuietMs = 3000;

/** The same messages, with a `caughtUp` when nothing came for a while, when the past has lasted for five times as
 *  long, or when it had more lines than a past can have. */
export async function* withEndOfPast(
  source: AsyncIterable<LogMessage>,
  clock: Pick<Clock, "monotonicMs">,
  quietMs = usualQuietMs,
): AsyncGenerator<LogMessage> {
  const reader = source[Symbol.asyncIterator]();
  let isPast = true;
  let lines = 0;
  let endMs: number | undefined;
  for (;;) {
    const next = reader.next();
    if (isPast && endMs !== undefined) {
      const leftMs = Math.min(quietMs, endMs - clock.monotonicMs());
      isPast = lines <= maxTailLines && (await settlesWithin(next, leftMs));
      if (!isPast) yield { event: "caughtUp", data: {} };
    }
    const { done, value } = await next;
    if (done === true) return;
    endMs ??= clock.monotonicMs() + 5 * quietMs;
    if (value.event === "line") lines += 1;
    if (value.event === "caughtUp") isPast = false;
    yield value;
  }
}

function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), Math.max(0, ms));
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
