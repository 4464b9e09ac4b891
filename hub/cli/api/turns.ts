// Does something for many things, a few at a time, so that neither hub nor network is flooded.

const atOnce = 8;

/** Results in the order of the items. The act must not throw. */
export async function inTurns<T, R>(
  items: readonly T[],
  act: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [at, item] of queue) results[at] = await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}
