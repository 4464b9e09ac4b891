// What the hub answers of a name that nothing has, as a value.
import { FleetError } from "#shared/errors.ts";

/** For a look at one thing by its name: one that can be no name at all (`Pi 1`) is refused as invalid. */
export function undefinedWhereMissing(error: unknown): undefined {
  const codes = ["not_found", "request_invalid"];
  if (error instanceof FleetError && codes.includes(error.code)) return undefined;
  throw error;
}
