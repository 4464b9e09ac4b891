// Runs asynchronous work one piece at a time.

/** @returns the task's own outcome */
export type Queue = <T>(task: () => Promise<T>) => Promise<T>;

/** First come, first served; a task that fails does not hold up the next. */
export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}

/** For work that takes in all there is when it begins: calls during a run share one more after it.
 *  @returns starts at once when nothing runs; settles as the run that began after the call does */
export function serially(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    next = undefined;
    running = task().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return next ?? begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
