// Sums up what is wrong with one file: the first place, and how many follow.
import type { Where } from "#shared/errors.ts";

/** For sorting as a person reads. */
export function byPlace(a: { where: Where }, b: { where: Where }): number {
  const lines = (a.where.line ?? 0) - (b.where.line ?? 0);
  return lines || (a.where.column ?? 0) - (b.where.column ?? 0);
}

/** @param others faults of the same file beside the one that the message tells */
export function withOthers(message: string, others: number): string {
  return others === 0 ? message : `${message} (and ${others} more in this file)`;
}
