// Which faults are tried, by the names that somebody gave.
import { nearest } from "#hub/cli/session/nearest.ts";
import { FleetError } from "#shared/errors.ts";
import type { Fault } from "./fault.ts";

/** In their own order, whatever order the names have; all without names. Pure.
 *  @throws FleetError not_found with the names that come near */
export function choose<F extends Pick<Fault, "name">>(
  faults: readonly F[],
  only: readonly string[] | undefined,
): F[] {
  if (only === undefined) return [...faults];
  const unknown = only.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown === undefined) return faults.filter(({ name }) => only.includes(name));
  const near = nearest(
    unknown,
    faults.map(({ name }) => name),
  );
  const meant = near.length === 0 ? "" : `Did you mean ${near.join(", ")}? `;
  throw new FleetError("not_found", {
    message: `there is no fault "${unknown}"`,
    hint: `${meant}--list names all of them.`,
  });
}
