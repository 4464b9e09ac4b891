// The error for a name that nothing has, with the names that were perhaps meant.
import { type Client, collect } from "#hub/cli/api/client.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { FleetError } from "#shared/errors.ts";

export function unknownNames(
  kind: string,
  missing: readonly string[],
  known: readonly string[],
): FleetError {
  const near = [...new Set(missing.flatMap((name) => nearest(name, known)))].slice(0, 5);
  const quoted = missing.map((name) => `"${name}"`).join(", ");
  return new FleetError("not_found", {
    message: `no ${kind} is named ${quoted}`,
    hint:
      near.length > 0
        ? `Did you mean ${near.join(" or ")}?`
        : `List them with: fleet get ${kind}s.`,
  });
}

export async function unknownDevices(
  client: Client,
  missing: readonly string[],
): Promise<FleetError> {
  const known = await collect(client.devices());
  return unknownNames(
    "device",
    missing,
    known.map(({ id }) => id),
  );
}
