// Sees limits that were changed under a running container, and puts them back without a restart where it can.
import type { ContainerDetail, Enforced } from "#edge/runtime/docker/calls/api.ts";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import {
  changedLimits,
  changeText,
  type Limits,
  limitsOf,
  updateBody,
} from "#edge/runtime/docker/create/limits.ts";
import type { Engine } from "./engine.ts";

type Detail = Pick<ContainerDetail, "Id" | "Config" | "HostConfig">;

/** What differs from what the copy was made with, in words; [] of a copy that does not carry it. */
export function editsOf({ Config, HostConfig }: Detail, enforced: Enforced): string[] {
  const asked = askedOf(Config.Labels);
  if (asked === undefined) return [];
  const now = limitsOf(HostConfig);
  return changedLimits(asked, now, enforced).map((key) => changeText(key, asked, now));
}

/** @returns false when only a new container helps */
export async function restoreLimits(engine: Engine, detail: Detail): Promise<boolean> {
  const asked = askedOf(detail.Config.Labels);
  if (asked === undefined) return true;
  const changed = changedLimits(asked, limitsOf(detail.HostConfig), await engine.enforces());
  if (changed.length === 0) return true;
  const body = updateBody(asked, changed);
  if (body === undefined) return false;
  return engine.updateContainer(detail.Id, body).then(
    () => true,
    (error: unknown) => {
      // Refused, for instance a limit below what is in use: a new copy starts under it.
      if (statusOf(error) !== undefined) return false;
      throw error;
    },
  );
}

function askedOf(labels: Record<string, string> | null): Limits | undefined {
  const text = labels?.[label.limits];
  return text === undefined ? undefined : (JSON.parse(text) as Limits);
}
