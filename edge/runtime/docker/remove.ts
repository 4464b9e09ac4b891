// Stops and removes one copy, with its hooks, its grace period and its files.
import type { ContainerDetail } from "#edge/runtime/docker/calls/api.ts";
import { filesName, hooksOf, label } from "#edge/runtime/docker/create/labels.ts";
import { FleetError } from "#shared/errors.ts";
import { keepVolumes } from "./anonymous.ts";
import type { DockerContext } from "./context.ts";
import { runHooks, runStopHooks } from "./hooks.ts";

/** Compose's and the Engine's default for copies that we did not make. */
const defaultGraceSeconds = 10;
const removalPollMs = 250;
const removalLimitMs = 30_000;

export async function removeInstance(context: DockerContext, id: string): Promise<void> {
  const detail = await context.engine.inspectContainer(id);
  if (detail === undefined) return;
  if (detail.State.Running) {
    await runStopHooks(context, id, hooksOf(detail.Config.Labels).preStop);
    await context.engine.stopContainer(id, graceOf(detail));
  }
  await removeContainer(context, id);
  const labels = detail.Config.Labels ?? {};
  const project = labels[label.project];
  if (labels[label.device] !== context.device || project === undefined) return;
  await context.files.drop(project, filesName(labels, detail.Name.replace(/^\//, "")));
}

/** Until it is gone: a removal that the Engine has under way already is waited for. Its anonymous volumes
 *  stay with its place. */
export async function removeContainer(context: DockerContext, id: string): Promise<void> {
  const { engine, clock } = context;
  const detail = await engine.inspectContainer(id);
  if (detail === undefined) return;
  const withVolumes = !(await keepVolumes(context, detail));
  const giveUpAt = clock.monotonicMs() + removalLimitMs;
  while ((await engine.removeContainer(id, { withVolumes })) === "busy") {
    if (clock.monotonicMs() > giveUpAt) throw stuck(id);
    await clock.sleep(removalPollMs);
  }
}

function stuck(id: string): FleetError {
  return new FleetError("runtime_timeout", {
    message: `the Docker Engine has not finished removing container ${id.slice(0, 12)} for ${removalLimitMs / 1000} s`,
  });
}

/** In place, with the hooks around it. @throws FleetError start_failed when a hook after the start fails */
export async function restartInstance(context: DockerContext, id: string): Promise<void> {
  const detail = await context.engine.inspectContainer(id);
  if (detail === undefined) {
    throw new FleetError("not_found", { message: `container ${id.slice(0, 12)} is gone` });
  }
  const hooks = hooksOf(detail.Config.Labels);
  if (detail.State.Running) await runStopHooks(context, id, hooks.preStop);
  await context.engine.restartContainer(id, graceOf(detail));
  await runHooks(context, id, hooks.postStart);
}

function graceOf(detail: ContainerDetail): number {
  return detail.Config.StopTimeout ?? defaultGraceSeconds;
}
