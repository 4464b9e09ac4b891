// Runs a piece of work at most once; every caller gets the same outcome.

/** For stopping: signals and callers may ask more than once. */
export function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
