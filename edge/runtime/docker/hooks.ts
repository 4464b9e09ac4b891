// Runs a service's lifecycle hooks in its container.
import type { ExecBody } from "#edge/runtime/docker/calls/api.ts";
import type { LifecycleHook } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import type { DockerContext } from "./context.ts";

/** One after the other, to the first that fails.
 *  @throws FleetError start_failed */
export async function runHooks(
  context: DockerContext,
  container: string,
  hooks: readonly LifecycleHook[],
): Promise<void> {
  for (const hook of hooks) await runHook(context, container, hook);
}

/** Before a stop: the copy must go, so a hook that fails or hangs does not keep it. */
export async function runStopHooks(
  context: DockerContext,
  container: string,
  hooks: readonly LifecycleHook[],
): Promise<void> {
  await runHooks(context, container, hooks).catch((error: unknown) => {
    if (!(error instanceof FleetError) || error.code === "runtime_unavailable") throw error;
  });
}

async function runHook(
  context: DockerContext,
  container: string,
  hook: LifecycleHook,
): Promise<void> {
  const command = hook.command.join(" ");
  const limit = AbortSignal.timeout(context.hookLimitMs);
  const run = context.engine.exec(container, execBody(hook), limit);
  const { exitCode, output } = await run.catch((cause: unknown) => {
    throw limit.aborted ? overdue(command, context.hookLimitMs) : cause;
  });
  if (exitCode === 0) return;
  throw new FleetError("start_failed", {
    message: `the hook "${command}" ended with code ${exitCode}${output === "" ? "" : `: ${output.split("\n").at(-1)}`}`,
  });
}

function overdue(command: string, limitMs: number): FleetError {
  return new FleetError("start_failed", {
    message: `the hook "${command}" did not end within ${limitMs / 1000} s`,
  });
}

function execBody(hook: LifecycleHook): ExecBody {
  return {
    Cmd: hook.command,
    User: hook.user,
    Privileged: hook.privileged,
    WorkingDir: hook.workingDir,
    Env: Object.entries(hook.environment).map(([name, value]) => `${name}=${value}`),
    AttachStdout: true,
    AttachStderr: true,
  };
}
