// Gives the device its identity as agent.yaml wants it: the one that it holds, or one for its token.
import { join } from "node:path";
import { type AgentConfig, enrolmentToken } from "#edge/config.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { enrol } from "./enrol.ts";
import { type Identity, readIdentity } from "./identity.ts";

interface IdentifyOptions {
  config: AgentConfig;
  /** Where the configuration stands. */
  file: string;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Called before each further try. */
  onRetry: (error: FleetError) => void;
}

/** Waits until the hub answers.
 *  @throws FleetError config_invalid when the device is not enrolled and has no token; token_invalid,
 *  request_invalid */
export function identify({ config, file, ...options }: IdentifyOptions): Promise<Identity> {
  const { device, labels, dataDirectory, hub } = config;
  const directory = join(dataDirectory, "identity");
  const token = enrolmentToken(config, file);
  if (token === undefined && readIdentity(directory) === undefined) {
    throw new FleetError("config_invalid", {
      message: "the device is not enrolled and hub.token is not set",
      where: { file, key: "hub.token" },
      hint: `Get a token with POST /v1/enrollment-tokens at ${hub.url}, and set it.`,
    });
  }
  return enrol({ ...options, hubUrl: hub.url, token: token ?? "", device, labels, directory });
}
