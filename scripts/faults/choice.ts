// Which faults are tried, by the names that somebody gave.
import { FleetError } from "#shared/errors.ts";
import type { Fault } from "./fault.ts";

type Named = Pick<Fault, "name">;

const suggested = 3;

/** In their own order, whatever order the names have; all without names. Pure.
 *  @throws FleetError not_found with the names that come near */
export function choose<F extends Named>(
  faults: readonly F[],
  only: readonly string[] | undefined,
): F[] {
  if (only === undefined) return [...faults];
  const unknown = only.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown === undefined) return faults.filter(({ name }) => only.includes(name));
  const near = nearest(unknown, faults);
  const meant = near.length === 0 ? "" : `Did you mean ${near.join(", ")}? `;
  throw new FleetError("not_found", {
    message: `there is no fault "${unknown}"`,
    hint: `${meant}--list names all of them.`,
  });
}

/** Those that share a word with it, or differ from it by a few letters. */
function nearest(unknown: string, faults: readonly Named[]): string[] {
  const words = unknown.split(/[^a-z0-9]+/i).filter((word) => word.length > 2);
  const isNear = (name: string): boolean =>
    words.some((word) => name.includes(word)) || distance(unknown, name) <= name.length / 3;
  return faults
    .map(({ name }) => name)
    .filter(isNear)
    .toSorted((a, b) => distance(unknown, a) - distance(unknown, b))
    .slice(0, suggested);
}

/** How many letters have to be added, removed or replaced. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of Array.from(one).entries()) {
    const next = [at + 1];
    for (const [to, wanted] of Array.from(other).entries()) {
      const [left = 0, above = 0, corner = 0] = [next[to], row[to + 1], row[to]];
      next.push(Math.min(left + 1, above + 1, corner + (letter === wanted ? 0 : 1)));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
