// Waits for work, but not for ever.
import type { Clock } from "#shared/clock.ts";

/** Resolves when the work has ended, well or not, when the time is over, or when the signal aborts.
 *  @param work nothing means that there is nothing to wait for */
export async function within(
  limitMs: number,
  work: void | Promise<void>,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  if (work === undefined) return;
  const over = new AbortController();
  const stop = (): void => over.abort();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  void work.then(stop, stop);
  await clock.sleep(limitMs, over.signal);
  signal.removeEventListener("abort", stop);
}
