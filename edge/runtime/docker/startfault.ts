// Finds out why a copy could not be created or started, by what can be observed and not by the text.
import { EngineAnswer, statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { nameOf, serviceOf } from "#edge/runtime/docker/create/names.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { DockerContext } from "./context.ts";
import { choosePort, holderOf, isBound, otherProgram, wantedPorts } from "./ports.ts";

/** What a shell and the Engine both report for a command that is not there. */
const commandNotFound = 127;

/** 404 is kept as it is: a network or a volume of the copy is gone. */
export async function startFault(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  id: string,
  error: unknown,
): Promise<unknown> {
  const status = statusOf(error);
  if (status === undefined || status === 404) return error;
  const detail = await context.engine.inspectContainer(id);
  if (detail?.State.ExitCode === commandNotFound) return commandMissing(ref, error);
  return (await takenPort(context, app, ref, id)) ?? startFailed(ref, error);
}

async function takenPort(
  context: DockerContext,
  app: ResolvedApp,
  ref: InstanceRef,
  id: string,
): Promise<FleetError | undefined> {
  const containers = await context.engine.listContainers([]);
  const others = containers.filter((container) => container.Id !== id);
  for (const wanted of wantedPorts(ref.service, serviceOf(app, ref.service).spec)) {
    const chosen = await choosePort(wanted, async (port) => {
      const holder = holderOf(port, others);
      if (holder !== undefined) return `container ${nameOf(holder)}`;
      return (await isBound(port)) ? otherProgram : undefined;
    });
    if (chosen instanceof FleetError) return chosen;
  }
  return undefined;
}

function commandMissing(ref: InstanceRef, error: unknown): FleetError {
  return new FleetError("command_missing", {
    message: `service ${ref.service} cannot start: ${sentence(error)}`,
    hint: "Check the service's command and entrypoint against what its image contains.",
    cause: error,
  });
}

/** No answer at all stays what it is; every answer means that this copy cannot run as it is. */
export function startFailed(ref: InstanceRef, error: unknown): unknown {
  if (statusOf(error) === undefined) return error;
  return new FleetError("start_failed", {
    message: `service ${ref.service} cannot start: ${sentence(error)}`,
    cause: error,
  });
}

function sentence(error: unknown): string {
  const cause = error instanceof FleetError ? error.cause : error;
  return cause instanceof EngineAnswer ? cause.message : String(error);
}
