// The error for a name that nothing has, with the names that were perhaps meant.
import type { DeploymentView } from "#hub/api/deployments.ts";
import { type Client, collect } from "#hub/cli/api/client.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import { FleetError } from "#shared/errors.ts";

/** @param list the command that lists what there is */
export function unknownNames(
  kind: string,
  missing: readonly string[],
  known: readonly string[],
  list = `fleet get ${kind}s`,
): FleetError {
  const near = [...new Set(missing.flatMap((name) => nearest(name, known)))].slice(0, 5);
  const quoted = missing.map((name) => `"${name}"`).join(", ");
  return new FleetError("not_found", {
    message: `no ${kind} is named ${quoted}`,
    hint: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `List them with: ${list}`,
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

/** @throws FleetError not_found */
export async function requireDevices(client: Client, names: readonly string[]): Promise<void> {
  const found = await inTurns(names, (name) => client.findDevice(name));
  const missing = names.filter((_, at) => found[at] === undefined);
  if (missing.length > 0) throw await unknownDevices(client, missing);
}

/** A device that is known from an inventory alone has a phase too.
 *  @throws FleetError not_found */
export async function requirePhases(client: Client, names: readonly string[]): Promise<void> {
  const found = await inTurns(names, (name) => client.runs.findPhase(name));
  const missing = names.filter((_, at) => found[at] === undefined);
  if (missing.length > 0) throw await unknownPhases(client, missing);
}

export async function unknownPhases(
  client: Client,
  missing: readonly string[],
): Promise<FleetError> {
  const known = await collect(client.runs.phases({}));
  return unknownNames(
    "device",
    missing,
    known.map(({ device }) => device),
    "fleet phases",
  );
}

/** @throws FleetError not_found */
export async function requirePlan(client: Client, name: string): Promise<void> {
  const names = (await client.runs.plans()).map((plan) => plan.name as string);
  if (!names.includes(name)) throw unknownNames("plan", [name], names, "fleet plans");
}

/** @throws FleetError not_found */
export async function deploymentNamed(client: Client, name: string): Promise<DeploymentView> {
  const all = await collect(client.deployments());
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw unknownNames(
    "deployment",
    [name],
    all.map((one) => one.name),
  );
}

export function noDeviceMatches(selector: string | undefined): FleetError {
  return new FleetError("not_found", {
    message: selector === undefined ? "no device matches" : `no device matches "${selector}"`,
    hint: "See the labels: fleet get devices -o wide",
  });
}
