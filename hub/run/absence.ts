// Time in which no device could be heard or asked, which no deadline of the hub counts; pure.

export interface Absence {
  /** Unix ms by the hub's clock. */
  from: number;
  /** Null: it lasts. */
  until: number | null;
}

/** What devices need after it to come back one by one and tell what they did meanwhile. */
export const returnMs = 2 * 60_000;

/** Unix ms at which so much time has gone by since then in which a device could be heard; infinite as long as an
 *  absence lasts.
 *  @param absences in any order; they may overlap
 *  @param backMs time for the devices' return after each */
export function deadlineAfter(
  fromMs: number,
  allowanceMs: number,
  absences: readonly Absence[],
  backMs = returnMs,
): number {
  let deadline = fromMs + allowanceMs;
  let countedTo = fromMs;
  for (const { from, until } of absences.toSorted((one, other) => one.from - other.from)) {
    const begin = Math.max(from, countedTo);
    const end = until === null ? Number.POSITIVE_INFINITY : until + backMs;
    if (begin >= deadline || end <= begin) continue;
    deadline += end - begin;
    countedTo = end;
  }
  return deadline;
}
