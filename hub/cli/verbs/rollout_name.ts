// Which rollout a person means: by its number, or the newest of a deployment.
import type { Client } from "#hub/cli/api/client.ts";
import { deploymentNamed } from "#hub/cli/resources/unknown.ts";
import { FleetError } from "#shared/errors.ts";

/** @param name `7`, `rollout/7`, `robots` or `deployment/robots`
 *  @throws FleetError not_found */
export async function rolloutNamed(client: Client, name: string): Promise<number> {
  const [, kind, own = ""] = /^(?:(rollout|deployment)\/)?(.*)$/s.exec(name) ?? [];
  const isNumber = /^[1-9][0-9]{0,14}$/.test(own);
  if (isNumber && kind !== "deployment") return Number(own);
  const [newest] = await client.rollouts.list({ deployment: own }, 1);
  if (newest !== undefined) return newest.id;
  await deploymentNamed(client, own);
  throw new FleetError("not_found", {
    message: `no release of ${own} has rolled out yet`,
    hint: "A rollout begins with a commit, where the deployment has a policy: fleet rollout list.",
  });
}
